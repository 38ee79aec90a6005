"""What `estimate_depth` makes: depth files of a split of a domain by the network that the domain names.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

from dataclasses import dataclass
from pathlib import Path

from dadist.config.depth_sections import DepthNetwork
from dadist.config.records import ConfigError
from dadist.config.schema import Domain, Study
from dadist.data.inventory import SplitPlan
from dadist.data.readers.base import Reader
from dadist.data.readers.estimated import INDEX, Estimated
from dadist.pipeline import paths
from dadist.pipeline.splits import PreparedSplit, reader


@dataclass(frozen=True)
class Estimate:
    """The depth files of a split of a domain."""

    domain: str  # name in domains
    split: str  # train, val or all
    network: str  # name in depth_networks

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.domain}-{self.split}-{self.network}"


def estimate_of(study: Study, split: PreparedSplit) -> Estimate | None:
    """The depth files that a split is prepared with, if a network makes them."""
    network = study.domains[split.domain].depth_network
    return Estimate(split.domain, split.plan["split"], network) if network and split.plan["depth"] else None


def estimate_named(study: Study, name: str) -> Estimate:
    """That of a folder; a job that stands alone knows no more of it than the name.

    Raises:
        ConfigError: No domain has such a split or network.
    """
    for domain, one in study.domains.items():
        if one.depth_network:
            for split in reader(study, domain).splits:
                found = Estimate(domain, split, one.depth_network)
                if found.name == name:
                    return found
    raise ConfigError(
        f"{paths.depth(name)}: expected DOMAIN-SPLIT-NETWORK of a domain with that depth_network, got one of none"
    )


def domain_and_network(study: Study, name: str) -> tuple[Domain, DepthNetwork]:
    """The two sections of the config that a folder of depth files is made by."""
    found = estimate_named(study, name)
    return study.domains[found.domain], study.depth_networks[found.network]


def depth_files(study: Study, split: PreparedSplit) -> list[str]:
    """Folder of the depth files that a split is prepared with, if a network makes them."""
    found = estimate_of(study, split)
    return [] if found is None else [paths.depth(found.name)]


def of_the_user(study: Study, split: PreparedSplit) -> SplitPlan:
    """The plan of a split without depth that a network makes: what of it can be looked at before anything is made."""
    plan = SplitPlan(**split.plan)
    return plan if estimate_of(study, split) is None else SplitPlan(**{**split.plan, "depth": False})


def as_it_stands(study: Study, split: PreparedSplit) -> tuple[Reader, SplitPlan]:
    """Reader and plan of a split, with estimated depth once it is there."""
    plain: Reader = reader(study, split.domain)
    for folder in depth_files(study, split):
        if (Path(folder) / INDEX).is_file():
            return Estimated(plain, Path(folder)), SplitPlan(**split.plan)
    return plain, of_the_user(study, split)
