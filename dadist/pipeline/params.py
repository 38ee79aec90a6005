"""The --params of each stage, as JSON, and the digests of its code; one function per rule, of the rule's name.

Those of `write_page` are in page.py.

The JSON holds exactly the settings that the stage reads, so that editing another key runs nothing again.
"""

import functools
import json
from dataclasses import asdict, replace

from dadist.config.methods import requirements
from dadist.config.prior_sections import Prior
from dadist.config.schema import SOURCE_APPEARANCE, Study
from dadist.pipeline import prior_pictures, runs
from dadist.pipeline.estimates import domain_and_network, estimate_named
from dadist.pipeline.inputs import has_labels, split_named
from dadist.pipeline.runs import Run
from dadist.pipeline.splits import reader
from dadist.registry import ARTEFACTS, DATASETS, METHODS, RECIPES
from dadist.storage.digest import content, digest


def spec(**values: object) -> str:
    """Settings as JSON; dataclasses become objects."""
    return json.dumps(values, default=asdict, sort_keys=True)


# --- code


@functools.cache  # every training of a method asks for the same
def code(stage: str, *modules: str) -> str:
    """Digest of all that a stage runs, with modules that it imports by name: 16 hexadecimal digits."""
    return digest(f"dadist.stages.{stage}", *modules)


def code_to_prepare(study: Study, split: str) -> str:
    """That of `prepare` with the reader of a split's data set."""
    return code("prepare", split_named(study, split).reader)


def code_to_estimate(study: Study, estimate: str) -> str:
    """That of `estimate_depth` with the reader of a domain's data set."""
    return code("estimate_depth", DATASETS[domain_and_network(study, estimate)[0].dataset])


def page_files() -> str:
    """Digest of what the page is made from beside code."""
    return content("report/page.html", "report/page.css", "report/page.js")


# --- data and prior


def render(study: Study, preset: str, dataset: str) -> str:
    """One domain's share: of the source its own appearance, of the target no number of source images."""
    whole = study.render[preset]
    seen = SOURCE_APPEARANCE if whole.source_appearance is None else whole.source_appearance
    own = replace(whole, appearance=seen, train=0, val=0) if dataset == "synthia" else replace(whole, source=0)
    return spec(domain=dataset, render=replace(own, source_appearance=None))


def prepare(study: Study, split: str) -> str:
    """What `prepare` makes of one split."""
    found = split_named(study, split)
    return spec(reader=found.reader, options=found.options, plan=found.plan)


def estimate_depth(study: Study, estimate: str) -> str:
    """What images are read, and what the network is; the number of images at once is a resource."""
    found, (domain, network) = estimate_named(study, estimate), domain_and_network(study, estimate)
    one = reader(study, found.domain)
    return spec(
        reader=DATASETS[domain.dataset],
        options=one.relevant(domain.options, found.split, labels=False, depth=False),
        split=found.split,
        skip_bad=domain.skip_bad,
        name=found.network,
        network=replace(network, batch=1),
    )


def join_sources(study: Study, setting: str) -> str:
    """How often each source is drawn."""
    return spec(weights=list(study.settings[setting].source.weights.values()))


def fit_gmm(study: Study, setting: str) -> str:
    """How the mixtures are fitted."""
    chosen = study.settings[setting]
    return spec(grid=chosen.grid, inverse_depth=chosen.inverse_depth, fit_gmm=chosen.fit_gmm)


def align_depth(study: Study, setting: str) -> str:
    """How cells are drawn, and the cameras that are known."""
    chosen = study.settings[setting]
    cameras = {f"{view}_camera": study.domains[getattr(chosen, view).domain].camera for view in ("source", "target")}
    return spec(align_depth=chosen.align_depth, **cameras)


def cluster_patches(study: Study, setting: str) -> str:
    """How label patches are clustered."""
    return spec(cluster_patches=study.settings[setting].cluster_patches)


def compare_components(study: Study, setting: str) -> str:
    """As `fit_gmm` fits, but for what the section of this stage says."""
    chosen = study.settings[setting]
    own = chosen.compare_components
    return spec(
        grid=chosen.grid,
        inverse_depth=chosen.inverse_depth,
        components=own.components,
        fit_gmm=replace(chosen.fit_gmm, components=1, points=own.points, held_out=own.held_out),
    )


# --- training


def adapt(study: Study, run: Run) -> str:
    """What one model is trained with."""
    chosen, implementation = study.settings[run.setting], METHODS[run.method]
    objective = chosen.objectives[run.method]
    iterations = chosen.adapt.iterations if objective.iterations is None else objective.iterations
    makers = [ARTEFACTS[need][2] for need in requirements(run.method).artefacts]
    readers = {DATASETS[study.domains[name].dataset] for name in (*chosen.source.weights, chosen.target.domain)}
    digest_of_code = code("adapt", implementation, *makers, "dadist.stages.prepare", *sorted(readers))
    return spec(
        training=_training(study, run, implementation, digest_of_code, iterations),
        grid=chosen.grid,
        objective=replace(objective, iterations=None),
        adapt=replace(chosen.adapt, iterations=iterations),
    )


def _training(study: Study, run: Run, implementation: str, digest_of_code: str, iterations: int) -> dict[str, object]:
    """The record `Training`, which every training stage is told."""
    chosen = study.settings[run.setting]
    return {
        **asdict(run),
        "implementation": implementation,
        "code": digest_of_code,
        "start": runs.start(study, run.setting, run.method),
        "protocol": chosen.protocol,
        "inverse_depth": chosen.inverse_depth,
        "iterations": iterations,
        "class_weight_power": chosen.adapt.class_weight_power,
        "class_weight_cap": chosen.adapt.class_weight_cap,
    }


def pseudo_label(study: Study, setting: str) -> str:
    """What labels are sure by; the number of images at once is a resource."""
    chosen = study.settings[setting]
    return spec(
        code=code("pseudo_label"), pseudo_label=replace(chosen.pseudo_label, batch=1), prior=_weighed(chosen.prior)
    )


def _weighed(prior: Prior) -> Prior | None:
    """The section as stages read it; None where the prior has no say."""
    return prior if prior.asked else None


def refine_labels(study: Study, setting: str) -> str:
    """What regions are erased by."""
    return spec(code=code("refine_labels"), refine_labels=study.settings[setting].refine_labels)


def selftrain(study: Study, run: Run) -> str:
    """What one round is trained with."""
    chosen = study.settings[run.setting].selftrain
    implementation = RECIPES[chosen.training.recipe]
    digest_of_code = code("selftrain", implementation, "dadist.stages.pseudo_label", "dadist.stages.refine_labels")
    return spec(
        training=_training(study, run, implementation, digest_of_code, chosen.rounds[run.number - 1]),
        shared=chosen.training,
    )


# --- report


def evaluate(study: Study, setting: str) -> str:
    """What a model is measured with; the digest goes into the table, the number of images at once is a resource."""
    return spec(**_measuring(study, setting, "evaluate"), prior=_weighed(study.settings[setting].prior))


def weigh_prior(study: Study, setting: str) -> str:
    """As `evaluate` measures, in every pair of weights."""
    chosen = study.settings[setting]
    return spec(
        **_measuring(study, setting, "weigh_prior"),
        prior=replace(chosen.prior, depth=0.0, place=0.0),
        weigh_prior=chosen.weigh_prior,
    )


def _measuring(study: Study, setting: str, stage: str) -> dict[str, object]:
    """The record `Measuring`, which every stage that measures is told."""
    chosen = study.settings[setting]
    own = replace(chosen.evaluate, batch=1)
    return {"code": code(stage), "inverse_depth": chosen.inverse_depth, "evaluate": own}


def collect(study: Study, setting: str) -> str:
    """The classes of the table's columns."""
    return spec(classes=study.settings[setting].classes)


def draw(study: Study, setting: str) -> str:
    """Columns of the panel; the truth is one where the target has labels to validate on."""
    chosen = study.settings[setting]
    titles = [f"{run.method} {run.round}" for run in runs.shown(study, setting)]
    return spec(titles=titles, truth=has_labels(study, setting), inverse_depth=chosen.inverse_depth, draw=chosen.draw)


def draw_prior(study: Study, setting: str) -> str:
    """Which terms have a say, of which model, and what is shown."""
    chosen = study.settings[setting]
    own, (depth, place) = chosen.prior, chosen.draw_prior.weights
    run = prior_pictures.looked_into(study, setting)
    return spec(
        model=f"{run.method} {run.round}",
        truth=prior_pictures.with_truth(study, setting),
        prior=own if own.measured else replace(own, depth=depth, place=place, depth_from="files"),
        draw_prior=chosen.draw_prior,
        dpi=chosen.draw_figures.dpi,
    )


def embed(study: Study, setting: str) -> str:
    """How pixels are brought to the plane."""
    return spec(embed=study.settings[setting].embed)


def draw_figures(study: Study, setting: str) -> str:
    """What the charts are of."""
    chosen = study.settings[setting]
    return spec(
        classes=chosen.classes,
        trainings=trainings(study, setting),
        rounds=labelled_rounds(study, setting),
        embedded=chosen.embed.method,
        draw_figures=chosen.draw_figures,
    )


def trainings(study: Study, setting: str) -> list[dict[str, str | int]]:
    """Method, round and seed of each run of a setting's table, in its order."""
    return [{"method": run.method, "round": run.round, "seed": run.seed} for run in runs.of_setting(study, setting)]


def labelled_rounds(study: Study, setting: str) -> list[dict[str, str]]:
    """Method and round of what the first seed labelled for itself, in the same order."""
    return [{"method": run.method, "round": run.round} for run in runs.self_trained(study, setting)]
