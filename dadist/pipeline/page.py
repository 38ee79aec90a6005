"""What the page of a setting tells: its runs, all that it was made with, and the jobs whose cost it shows."""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from typing import NamedTuple

from dadist.config.schema import Study
from dadist.pipeline import paths, prior_pictures, runs
from dadist.pipeline.inputs import has_labels, splits_of
from dadist.pipeline.params import labelled_rounds, spec, trainings
from dadist.pipeline.runs import Run
from dadist.pipeline.splits import TRAIN_WITH_DEPTH, training_split


class Job(NamedTuple):
    """A job that the page of a setting needs."""

    stage: str
    what: str  # it was done for
    name: str  # of its benchmark file


def write_page(study: Study, setting: str) -> str:
    """The --params of `write_page`; what changes no number is left out, so that it writes no page."""
    chosen = study.settings[setting]
    task = {
        "setting": setting,
        "classes": chosen.classes,
        "source": _domains(study, chosen.source.weights),
        "target": _domains(study, [chosen.target.domain]),
        "size": (chosen.target.width, chosen.target.height),
        "trainings": trainings(study, setting),
        "rounds": labelled_rounds(study, setting),
        "costs": [
            {"stage": job.stage, "what": job.what, "file": paths.benchmark(job.stage, job.name)}
            for job in jobs(study, setting)
        ],
        "config": json.dumps(_settings_shown(study, setting)),
    }
    return spec(task=task, monitor=replace(study.monitor, tensorboard=False), write_page=chosen.write_page)


def _domains(study: Study, names: Collection[str]) -> dict[str, object]:
    found = [study.domains[name] for name in names]
    rendered = all(paths.is_output(one.root) for one in found)
    return {"name": " and ".join(names), "dataset": " and ".join(one.dataset for one in found), "rendered": rendered}


def _settings_shown(study: Study, setting: str) -> dict[str, object]:
    chosen = study.settings[setting]
    shown = asdict(chosen)
    shown["classes"] = chosen.classes.name
    if not chosen.source.beside:
        del shown["source"]["beside"]
    shown["objectives"] = {method: shown["objectives"][method] for method in chosen.methods}
    for section in ("pseudo_label", "evaluate"):
        del shown[section]["batch"]
    return shown


def jobs(study: Study, setting: str) -> list[Job]:
    """All that the first page of a setting had to run.

    Their benchmark files are side products: they are read where they are there, and nothing runs again for them.
    """
    chosen, splits = study.settings[setting], splits_of(study, setting)
    learnt = {training_split(study, setting, method) for method in chosen.methods}
    if TRAIN_WITH_DEPTH not in learnt and not chosen.prior.depth:
        splits.pop(TRAIN_WITH_DEPTH, None)
    return [
        *(Job("prepare", which, split.name) for which, split in splits.items()),
        *([Job("join_sources", "source", setting)] if chosen.source.beside else []),
        *(Job(one.stage, one.name, one.setting) for one in runs.artefacts(study, setting, chosen.methods)),
        *_of_runs(study, setting),
        *(Job(stage, "prior", setting) for stage in prior_pictures.stages(study, setting)),
        *(Job(stage, "report", setting) for stage in ("draw", "embed", "draw_figures")),
    ]


def _of_runs(study: Study, setting: str) -> Iterator[Job]:
    methods, seeds = study.settings[setting].methods, study.settings[setting].seeds
    started = [_started_from(study, Run(setting, method, seed)) for method in methods for seed in seeds]
    needed = [*(run for run in started if run is not None), *runs.of_setting(study, setting)]
    for run in dict.fromkeys(needed):
        what, name = f"{run.method} {run.round}, seed {run.seed}", f"{run.setting}-{run.method}-seed{run.seed}"
        if run.number == 0:
            yield Job("adapt", what, name)
        else:
            for stage in ("pseudo_label", "refine_labels", "selftrain"):
                yield Job(stage, what, f"{name}-{run.round}")
        if run.method in methods and has_labels(study, setting):
            yield Job("evaluate", what, f"{name}-{run.round}")


def _started_from(study: Study, run: Run) -> Run | None:
    """The run that a method starts from, by its name or by the path of its model."""
    file = paths.place(study, runs.start(study, run.setting, run.method))
    return runs.parent(study, run) or paths.trained(file)
