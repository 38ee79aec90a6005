"""What methods demand of a setting's data, told before anything runs."""

from collections.abc import Iterator, Mapping

from dadist.config.methods import requirements
from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys
from dadist.config.schema import Domain, Setting
from dadist.registry import METHODS


def wants_target_depth(setting: Setting, method: str) -> bool:
    """Whether a method, with the setting's weights, learns from depth of the target's training images."""
    weight = requirements(method).target_depth
    return bool(weight and getattr(setting.objectives[method], weight))


def trained(setting: Setting) -> list[str]:
    """The methods that are trained: those listed, and those that they start from, first."""
    order: list[str] = []
    for listed in (*setting.methods, *setting.selftrain.methods):
        chain, name = list[str](), listed
        while name in METHODS and name not in (*order, *chain):
            chain.append(name)
            name = setting.objectives[name].start or setting.start
        order += reversed(chain)
    return order


def check(setting: Setting, domains: Mapping[str, Domain]) -> None:
    """Refuse a setting whose data are not what its methods demand.

    Raises:
        ConfigError: Naming the method and the key to change.
    """
    for path, message in _unmet(setting, domains):
        raise ConfigError(message, path)


def _unmet(setting: Setting, domains: Mapping[str, Domain]) -> Iterator[tuple[Keys, str]]:
    source, target, crop = setting.source, setting.target, setting.adapt.crop
    if crop is not None:
        least = (min(source.width, target.width), min(source.height, target.height))
        if not (1 <= crop[0] <= least[0] and 1 <= crop[1] <= least[1]):
            expected = f"expected at least 1x1 and at most {least[0]}x{least[1]}"
            yield ("adapt", "crop"), f"{expected}, got {crop[0]}x{crop[1]}"
    alike = (source.width, source.height) == (target.width, target.height)
    sizes = f"source and target of one size, got {source.width}x{source.height} and {target.width}x{target.height}"
    for method in trained(setting):
        wanted = requirements(method)
        if wanted.source_depth and not domains[source.domain].depth:
            yield (
                (),
                f"method {method} learns from the source's depth, and domains.{source.domain} has depth: false; "
                "give it depth, or leave the method out",
            )
        if wanted.same_size and not alike and crop is None:
            yield (), f"method {method} mixes images: expected {sizes}; give them one, or set adapt.crop"
        if crop is not None and "mixtures" in wanted.artefacts:
            yield (
                ("adapt", "crop"),
                f"expected null, as the mixtures of method {method} are of places in a whole image",
            )
    recipe = setting.selftrain.training.recipe
    if setting.selftrain.methods and requirements(recipe).same_size and not alike:
        yield (
            ("selftrain", "training", "recipe"),
            f"recipe {recipe} mixes images: expected {sizes}; give them one, or take another recipe",
        )
