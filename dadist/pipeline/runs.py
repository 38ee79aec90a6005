"""The trainings of a study: which of them a table has, where each starts, and under which setting its files stand.

A setting has variants: demo-no_depth is demo as the ablation has it, demo-paper_dada as dada was published. A file of
a variant that would be the same as that of its base setting is not made twice: it stands under the base.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dadist.config.load import FLOORS, PAPER
from dadist.config.methods import requirements
from dadist.config.records import ConfigError
from dadist.config.schema import Setting, Study
from dadist.registry import ARTEFACTS, METHODS

# Keys of a setting that every artefact and every model depends on, and those that each of these adds.
SHARED = ("classes", "source", "target", "grid", "inverse_depth", "prepare", "start")
ADAPTED = (*SHARED, "adapt")
SELF_TRAINED = (*ADAPTED, "pseudo_label", "prior", "refine_labels", "selftrain")

ALIGNMENT = "align_depth"  # the stage that also looks at a model

WITHOUT_FILE = ("random", "pretrained")  # starts that no file of the study or of the user's holds


@dataclass(frozen=True)
class Run:
    """One training of one method."""

    setting: str
    method: str
    seed: int
    round: str = "q0"  # the adaptation; q1, q2, … are the rounds of self-training

    @property
    def number(self) -> int:
        """Of the round."""
        return int(self.round[1:])


@dataclass(frozen=True)
class Artefact:
    """What methods are built from, made once for all seeds."""

    setting: str
    name: str  # in ARTEFACTS
    stage: str  # that makes it, and its section of the setting


def run_of(wildcards: Mapping[str, str]) -> Run:
    """The run that a rule's wildcards name; q0 where the rule has no round."""
    return Run(wildcards["setting"], wildcards["method"], int(wildcards["seed"]), wildcards.get("round", "q0"))


# --- settings and their variants


def base_of(study: Study, setting: str) -> str | None:
    """The setting that a variant varies; None for one that is no variant."""
    base = setting.rpartition("-")[0]
    return base if base in study.settings else None


def bases(study: Study) -> list[str]:
    """The settings that the configuration names, without their variants."""
    return [setting for setting in study.settings if base_of(study, setting) is None]


def published_variants(study: Study, setting: str) -> dict[str, str]:
    """Method → name of the variant that trains it as it was published, for those that have presets for it."""
    return {
        method: f"{setting}-{PAPER}{method}"
        for method, presets in study.settings[setting].published.items()
        if presets is not None
    }


def variants(study: Study, setting: str) -> list[str]:
    """Names of the variants of a setting: those of the ablation, then those of the papers."""
    return [
        *(f"{setting}-{variant}" for variant in study.ablation.variants),
        *published_variants(study, setting).values(),
    ]


def pattern(study: Study) -> str:
    """Regular expression of the settings and their variants, as they stand in paths.

    Snakemake compiles it once a rule, so what all settings have in common stands in it once: the ablation.
    """
    settings = "|".join(map(re.escape, bases(study)))
    ablation = "".join(f"|-{re.escape(variant)}" for variant in study.ablation.variants)
    own = [re.escape(variant) for setting in bases(study) for variant in published_variants(study, setting).values()]
    return "|".join([f"(?:{settings})(?:{ablation})", *own])


def variants_of_paper_table(study: Study, setting: str) -> list[str]:
    """The variants in which the methods of a setting are trained as they were published, in the order of its methods.

    Raises:
        ConfigError: None of its methods has one.
    """
    methods, known = study.settings[setting].methods, published_variants(study, setting)
    if found := [known[method] for method in methods if method in known]:
        return found
    raise ConfigError(
        f"settings.{setting}.published: expected what one of its methods was published with, got none of "
        f"{', '.join(methods)}; say so there, or name other methods"
    )


# --- where weights come from


def start(study: Study, setting: str, method: str) -> str:
    """Where a method's weights come from: 'random', 'pretrained', another method, or a file."""
    chosen = study.settings[setting]
    return chosen.objectives[method].start or chosen.start


def parent(study: Study, run: Run) -> Run | None:
    """The run that the first round of a method starts from; None for weights from elsewhere."""
    name = start(study, run.setting, run.method)
    return stored(study, Run(run.setting, name, run.seed)) if name in METHODS else None


def before(study: Study, run: Run) -> Run:
    """The run of the round that a round goes on from."""
    return stored(study, replace(run, round=f"q{run.number - 1}"))


def _lineage(study: Study, setting: str, method: str) -> list[str]:
    """The method, the one that it starts from, and so on."""
    found = list[str]()
    while method in METHODS:
        found.append(method)
        method = start(study, setting, method)
    return found


# --- the setting that a file stands under


def stored(study: Study, run: Run) -> Run:
    """The run whose files are those of a run: under the base setting where a variant changes nothing of them."""
    base = base_of(study, run.setting)
    if base is None:
        return run
    mine, its = study.settings[run.setting], study.settings[base]
    if mine.protocol != its.protocol and run.method in mine.methods:
        return run  # a row that says another protocol, be all its numbers the same
    lineage = _lineage(study, run.setting, run.method)
    sections = {section for method in lineage for section in needs(method).values()}
    if run.number and mine.prior.asked:
        sections |= {"fit_gmm", ALIGNMENT}
    alike = _alike(mine, its, (*(ADAPTED if run.number == 0 else SELF_TRAINED), *sections), lineage)
    if ALIGNMENT in sections:
        alike = alike and _aligned_alike(study, run.setting, base)
    return replace(run, setting=base) if alike else run


def needs(method: str) -> dict[str, str]:
    """The artefacts that a method is built from → the stage that makes each, whose name is that of its section."""
    return {name: ARTEFACTS[name][2].rpartition(".")[2] for name in requirements(method).artefacts}


def artefacts(study: Study, setting: str, methods: Iterable[str]) -> list[Artefact]:
    """What methods of a setting are built from, each once, under the setting that its file stands under."""
    return artefacts_named(study, setting, (name for method in methods for name in needs(method)))


def artefacts_named(study: Study, setting: str, names: Iterable[str]) -> list[Artefact]:
    """Artefacts by their names, each once, under the setting that its file stands under."""
    base, found = base_of(study, setting), dict[Artefact, None]()
    for name in names:
        stage = ARTEFACTS[name][2].rpartition(".")[2]
        alike = base is not None and _alike(study.settings[setting], study.settings[base], (*SHARED, stage))
        if base is not None and stage == ALIGNMENT:
            alike = alike and _aligned_alike(study, setting, base)
        found[Artefact(base if base is not None and alike else setting, name, stage)] = None
    return list(found)


def aligning(study: Study, setting: str) -> Run:
    """The run whose predictions say which class a depth is of: adabn's, which every setting has."""
    return stored(study, Run(setting, "adabn", study.settings[setting].seeds[0]))


def _aligned_alike(study: Study, setting: str, base: str) -> bool:
    """Whether what align_depth finds for a variant it finds for its base, too."""
    mine, its, methods = study.settings[setting], study.settings[base], _lineage(study, setting, "adabn")
    return mine.seeds[0] == its.seeds[0] and _alike(mine, its, (*ADAPTED, "fit_gmm", ALIGNMENT), methods)


def _alike(one: Setting, other: Setting, keys: Iterable[str], methods: Iterable[str] = ()) -> bool:
    return all(getattr(one, key) == getattr(other, key) for key in keys) and all(
        one.objectives[method] == other.objectives[method] for method in methods
    )


# --- which runs there are


def rounds(study: Study, setting: str, method: str) -> list[str]:
    """q0, and q1, q2, … for a method that goes through self-training."""
    plan = study.settings[setting].selftrain
    return ["q0", *(f"q{number}" for number in range(1, len(plan.rounds) + 1) if method in plan.methods)]


def of_setting(study: Study, setting: str, methods: Iterable[str] = tuple(METHODS)) -> list[Run]:
    """Every run of a setting's table, in its order, or those of some of its methods."""
    chosen, asked = study.settings[setting], set(methods)
    return [
        stored(study, Run(setting, method, seed, name))
        for method in chosen.methods
        if method in asked
        for seed in chosen.seeds
        for name in rounds(study, setting, method)
    ]


def of_table(study: Study, setting: str, table: str) -> list[Run]:
    """Every run of a table, each once.

    Args:
        study: The whole configuration.
        setting: Whose table it is.
        table: 'metrics': all of the setting; 'ablation': one method in all variants; 'paper': each method as it was
            published, beside the floors.

    Raises:
        ConfigError: The table is 'paper', and no method has what it was published with.
    """
    if table == "metrics":
        return of_setting(study, setting)
    if table == "paper":
        own, others = of_setting(study, setting, FLOORS), variants_of_paper_table(study, setting)
    else:
        own = of_setting(study, setting, [study.ablation.method])
        others = [f"{setting}-{variant}" for variant in study.ablation.variants]
    return list(dict.fromkeys([*own, *(run for variant in others for run in of_setting(study, variant))]))


def self_trained(study: Study, setting: str) -> list[Run]:
    """The rounds that the first seed labelled for itself, in the order of the table."""
    first = study.settings[setting].seeds[0]
    return [run for run in of_setting(study, setting) if run.seed == first and run.number > 0]


def shown(study: Study, setting: str) -> list[Run]:
    """What the panel shows of the first seed: the last round of each of its methods, and its first if asked for."""
    chosen = study.settings[setting]
    ends = [(method, rounds(study, setting, method)) for method in chosen.draw.methods]
    return [
        stored(study, Run(setting, method, chosen.seeds[0], name))
        for method, found in ends
        for name in dict.fromkeys((found[0], found[-1]) if chosen.draw.rounds == "ends" else found[-1:])
    ]
