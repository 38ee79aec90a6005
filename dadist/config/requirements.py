"""What methods demand of a setting's data and start, told before anything runs."""

from collections.abc import Iterator, Mapping
from itertools import chain
from operator import attrgetter

from dadist.config.methods import requirements
from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys
from dadist.config.schema import Domain, Setting
from dadist.registry import METHODS

# Backbones whose weights come as a package, and what these expect of an image (`pixels` of the network).
PRETRAINED = {"efficientnet_lite0": "lite"}


def wants_target_depth(setting: Setting, method: str) -> bool:
    """Whether a method, with the setting's weights, learns from depth of the target's training images."""
    return any(attrgetter(name)(setting.objectives[method]) for name in requirements(method).target_depth)


def without_target_depth(method: str) -> str:
    """What to set for a method to do without depth of the target."""
    return " and ".join(f"objectives.{method}.{name}: 0.0" for name in requirements(method).target_depth)


def trained(setting: Setting) -> list[str]:
    """The methods that are trained: those listed, and those that they start from, first."""
    order: list[str] = []
    for listed in (*setting.methods, *setting.selftrain.methods):
        line, name = list[str](), listed
        while name in METHODS and name not in order:
            line.append(name)
            name = setting.objectives[name].start or setting.start
        order += reversed(line)
    return order


def check(setting: Setting, domains: Mapping[str, Domain]) -> None:
    """Refuse a setting whose data or starts are not what its methods demand.

    Raises:
        ConfigError: Naming the method and the key to change.
    """
    for path, message in chain(_unfit_starts(setting), _unfit_depth(setting, domains), _unmet(setting, domains)):
        raise ConfigError(message, path)


def _unfit_starts(setting: Setting) -> Iterator[tuple[Keys, str]]:
    network = setting.adapt.network
    own: dict[Keys, str | None] = {("objectives", name, "start"): one.start for name, one in setting.objectives.items()}
    if any(start == "pretrained" for start in (setting.start, *own.values())):
        path = next((path for path, start in own.items() if start == "pretrained"), ("start",))
        pixels = PRETRAINED.get(network.backbone)
        if pixels is None:
            yield (
                path,
                f"expected random, a method or a file of weights for {network.backbone}, got pretrained, for which "
                f"there is no package; set it so, or adapt.network.backbone to one of: {', '.join(PRETRAINED)}",
            )
        elif network.pixels != pixels:
            yield (
                ("adapt", "network", "pixels"),
                f"expected {pixels}, what the pretrained weights of {network.backbone} were trained with, got "
                f"{network.pixels}; set it so, or start from others",
            )
    for method in setting.objectives:
        line, name = list[str](), method
        while name in METHODS and name not in line:
            line.append(name)
            name = setting.objectives[name].start or setting.start
        if name in METHODS:
            path = ("objectives", name, "start") if setting.objectives[name].start else ("start",)
            led = " from ".join([*line, name])
            yield path, f"expected weights to begin with, got {led}; start one of them from a file, or random"
    before, name = "adabn", setting.objectives["adabn"].start or setting.start
    while name in METHODS:
        if "alignment" in requirements(name).artefacts:
            yield (
                ("objectives", before, "start") if setting.objectives[before].start else ("start",),
                f"expected a start without adabn's predictions, got {name}, which asks what align_depth finds by them; "
                "take another",
            )
        before, name = name, setting.objectives[name].start or setting.start


def _unfit_depth(setting: Setting, domains: Mapping[str, Domain]) -> Iterator[tuple[Keys, str]]:
    source = setting.source
    if source.domain in source.beside:
        yield ("source", "beside"), f"expected other domains than {source.domain}, which is the source; take it out"
    camera = domains[source.domain].camera
    for domain in source.weights:
        given = domains[domain]
        if given.depth and given.relative:
            yield (
                ("source",),
                f"expected a source whose depth is in metres, got domains.{domain}, whose depth is relative; set "
                f"domains.{domain}.depth: false, or take another source",
            )
        if source.beside and (given.camera == "files" or given.camera != camera):
            yield (
                ("source", "beside"),
                f"expected one camera for all sources, in numbers, got {given.camera} of domains.{domain}; give all "
                "the same, or none",
            )
        if setting.prior.asked and not given.depth:
            yield (
                ("prior",),
                f"expected mixtures over the source's depth, and domains.{domain} has depth: false; "
                "give it depth, or set the weights to 0",
            )
    weights: dict[Keys, float] = {("prior", "depth"): setting.prior.depth}
    for method in trained(setting):
        if "alignment" in requirements(method).artefacts:  # whose target_depth are weights of depth under the mixtures
            for name in requirements(method).target_depth:
                weights["objectives", method, *name.split(".")] = attrgetter(name)(setting.objectives[method])
    for path, weight in weights.items():
        if weight > 0 and "z" not in setting.fit_gmm.features:
            yield (
                path,
                f"expected 0, as the mixtures are over {', '.join(setting.fit_gmm.features)} and know no depth, got "
                f"{weight:g}; set it so, or add z to fit_gmm.features",
            )


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
        for domain in source.weights:
            if wanted.source_depth and not domains[domain].depth:
                yield (
                    (),
                    f"method {method} learns from the source's depth, and domains.{domain} has depth: false; "
                    "give it depth, or leave the method out",
                )
        if wanted.same_size and not alike and crop is None:
            yield (), f"method {method} mixes images: expected {sizes}; give them one, or set adapt.crop"
        if crop is not None and "mixtures" in wanted.artefacts:
            yield (
                ("adapt", "crop"),
                f"expected null, as the mixtures of method {method} are of places in a whole image",
            )
    shown = setting.embed.method
    if shown in setting.methods and not requirements(shown).density:
        yield (
            ("embed", "method"),
            f"expected a method whose network has heads for depth and density, got {shown}; set it to one of "
            f"{', '.join(name for name in METHODS if requirements(name).density)}, or leave it out of methods",
        )
    recipe = setting.selftrain.training.recipe
    if setting.selftrain.methods and requirements(recipe).same_size and not alike:
        yield (
            ("selftrain", "training", "recipe"),
            f"recipe {recipe} mixes images: expected {sizes}; give them one, or take another recipe",
        )
