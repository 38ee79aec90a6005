"""What an edit runs again: exactly what it can change, and what follows from that."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sandbox import COMPONENTS, KINDS, TARGETS, TINY, Sandbox, merged

PRODUCTS = (*TARGETS, COMPONENTS)
WITH_CRITICS = ("adapt advent", "adapt adaptpatch", "adapt depth_distribution")
TRAININGS = ("adapt warm_up", *(f"adapt {method}" for method in KINDS))
EVALUATIONS = (*(f"evaluate {method} q0" for method in KINDS), "evaluate q1", "evaluate q2")
ROUNDS = ("selftrain q1", "selftrain q2")
LABELS = ("pseudo_label q1", "pseudo_label q2")
REFINED = ("refine_labels q1", "refine_labels q2")
PREPARED = ("prepare source", "prepare train", "prepare val")
NETWORKS = (*TRAININGS, *ROUNDS, *EVALUATIONS, *LABELS, "draw")  # whatever builds a network

# Job → the jobs that read what it makes.
READERS: dict[str, tuple[str, ...]] = {
    "render source": ("prepare source",),
    "render target": ("prepare train", "prepare val"),
    "prepare source": ("fit_gmm", "compare_components", "cluster_patches", *TRAININGS, *REFINED, *ROUNDS),
    "prepare train": (*TRAININGS, *LABELS, *ROUNDS),
    "prepare val": (*EVALUATIONS, "draw"),
    "fit_gmm": ("adapt depth_distribution",),
    "compare_components": (),
    "cluster_patches": ("adapt adaptpatch",),
    "adapt warm_up": ("adapt source_only", "adapt advent", "adapt adaptpatch", "adapt depth_distribution"),
    "adapt source_only": ("adapt adabn", "evaluate source_only q0", "draw"),
    "adapt adabn": ("evaluate adabn q0",),
    "adapt advent": ("evaluate advent q0",),
    "adapt adaptpatch": ("evaluate adaptpatch q0",),
    "adapt depth_distribution": ("evaluate depth_distribution q0", "pseudo_label q1", "selftrain q1", "draw"),
    "pseudo_label q1": ("refine_labels q1",),
    "refine_labels q1": ("selftrain q1",),
    "selftrain q1": ("evaluate q1", "pseudo_label q2", "selftrain q2"),
    "pseudo_label q2": ("refine_labels q2",),
    "refine_labels q2": ("selftrain q2",),
    "selftrain q2": ("evaluate q2", "draw"),
    **dict.fromkeys(EVALUATIONS, ("collect",)),
    "collect": (),
    "draw": (),
}

FOLDERS = {
    "demo_source-all": "source",
    "demo_target-train": "train",
    "demo_target-val": "val",
    "synthia": "source",
    "cityscapes": "target",
}


def short(job: str) -> str:
    """A job of READERS, from its rule and first output."""
    rule, path = job.split()
    parts = path.split("/")
    if rule == "prepare":
        return f"prepare {FOLDERS['-'.join(parts[2].split('-')[:2])]}"
    if rule == "render":
        return f"render {FOLDERS[parts[3]]}"
    if rule == "adapt":
        return f"adapt {parts[2]}"
    if rule == "evaluate":
        return f"evaluate {parts[2]} q0" if parts[4] == "q0" else f"evaluate {parts[4]}"
    return f"{rule} {parts[4]}" if f"{rule} q1" in READERS else rule


def following(jobs: tuple[str, ...]) -> set[str]:
    """The jobs and all that follows from them."""
    found, pending = set[str](), list(jobs)
    while pending:
        job = pending.pop()
        if job not in found:
            found.add(job)
            pending += READERS[job]
    return found


@pytest.fixture(scope="module")
def finished(tiny: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    box = Sandbox(tmp_path_factory.mktemp("invalidation") / "run", TINY)
    box.take_over(tiny)
    assert box.planned(*PRODUCTS) == []
    return box


# --- edits, each undone


@contextlib.contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """A file with another text, and the time of now."""
    before, status = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced(name: str, old: str, new: str) -> Callable[[Sandbox], contextlib.AbstractContextManager[None]]:
    """An edit of one place of a file."""

    def edit(box: Sandbox) -> contextlib.AbstractContextManager[None]:
        text = (box.folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name}: expected {old!r} once"
        return written(box.folder / name, text.replace(old, new))

    return edit


def code(name: str) -> Callable[[Sandbox], contextlib.AbstractContextManager[None]]:
    """A statement more in a module."""

    def edit(box: Sandbox) -> contextlib.AbstractContextManager[None]:
        path = box.folder / "dadist" / name
        return written(path, path.read_text(encoding="utf-8") + "\n\nEDITED = 1\n")

    return edit


FILES: dict[str, tuple[Callable[[Sandbox], contextlib.AbstractContextManager[None]], tuple[str, ...]]] = {
    # what is no code
    "a docstring": (replaced("dadist/selftraining/refine.py", '"""The spatial aggregation prior: ', '"""Of old: '), ()),
    "a comment": (replaced("dadist/selftraining/small_regions.py", "# the other classes", "# every other class"), ()),
    "a comment of config.yaml": (replaced("config.yaml", "# Training seeds:", "# Seeds of trainings:"), ()),
    # what carries, keeps or stops, and decides no result
    "state": (code("training/resume.py"), ()),
    "progress": (code("runtime/progress.py"), ()),
    "the digest": (code("storage/digest.py"), ()),
    "the journal": (code("storage/journal.py"), ()),
    "what is kept": (code("storage/kept.py"), ()),
    "how processes meet": (code("runtime/distributed.py"), ()),
    "how they wait for each other": (code("runtime/locks.py"), ()),
    "gpus": (code("runtime/gpus.py"), ()),
    "config": (code("config/schema.py"), ()),
    "the planning": (code("pipeline/params.py"), ()),
    "the glue of the stages": (code("stages/__init__.py"), ()),
    "the registry of methods": (code("registry.py"), ()),
    "what is no stage": (code("cost/step.py"), ()),
    # every layer
    "the renderer": (code("data/streets/rasterize.py"), ("render source", "render target")),
    "the reader of the source": (code("data/readers/synthia.py"), ("prepare source",)),
    "the reader of the target": (code("data/readers/cityscapes.py"), ("prepare train", "prepare val")),
    "the reader of a data set that is not here": (code("data/readers/mapillary.py"), ()),
    "packing": (code("data/packing.py"), PREPARED),
    "the draw of points": (code("prior/sampling.py"), ("fit_gmm", "compare_components")),
    "the clustering of patches": (code("prior/patch_clustering.py"), ("cluster_patches",)),
    "the density": (code("prior/density.py"), ("adapt depth_distribution",)),
    "a loss of all": (code("losses/segmentation.py"), (*TRAININGS, *ROUNDS)),
    "a loss of three methods": (code("losses/adversarial.py"), WITH_CRITICS),
    "a loss of one method": (code("losses/depth.py"), ("adapt depth_distribution",)),
    "a method": (code("methods/advent.py"), ("adapt advent",)),
    "a method that no table asks for": (code("methods/dada.py"), ()),
    "the common part of methods with a critic": (code("methods/adversarial.py"), WITH_CRITICS),
    "the recipe": (code("methods/class_mix.py"), ROUNDS),
    "a recipe that is not used": (code("methods/plain.py"), ()),
    "a backbone": (code("model/backbones.py"), NETWORKS),
    "the critic": (code("model/critic.py"), WITH_CRITICS),
    "the loop": (code("training/loop.py"), (*TRAININGS, *ROUNDS)),
    "pseudo-labels": (code("selftraining/pseudo_labels.py"), (*LABELS, *REFINED, *ROUNDS)),
    "the refinement": (code("selftraining/refine.py"), REFINED),
    "the metric": (code("evaluation/confusion.py"), (*EVALUATIONS, "collect")),
    "the table": (code("report/tables.py"), ("collect",)),
    "the panel": (code("report/figures.py"), ("draw",)),
    "the curves of components": (code("report/component_curves.py"), ("compare_components",)),
    "a stage": (code("stages/fit_gmm.py"), ("fit_gmm",)),
}


def demo(section: str, **keys: object) -> dict[str, object]:
    """Keys of one section of the setting."""
    return {"settings": {"demo": {section: keys}}}


# tests/pipeline/test_params.py has each key's stages; here is what follows from some, through Snakemake.
KEYS: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    # what changes no number
    "evaluate.batch": (demo("evaluate", batch=3), ()),
    "pseudo_label.batch": (demo("pseudo_label", batch=3), ()),
    "a preset that no setting takes": ({"presets": {"mine": {"adapt": {"batch": 9}}}}, ()),
    "a class set that no setting takes": (
        {"class_sets": {"mine": [{"name": "road", "colour": [1, 2, 3]}, {"name": "car", "colour": [4, 5, 6]}]}},
        (),
    ),
    "a variant of the ablation": ({"presets": {"no_depth": {"adapt": {"flip": False}}}}, ()),
    "another setting": ({"settings": {"hard": {"adapt": {"batch": 3}}}}, ()),
    "objectives.dada, which no table asks for": (demo("objectives", dada={"depth": 0.5}), ()),
    "a default that the setting overrides": ({"adapt": {"iterations": 91}, "refine_labels": {"base": 51.0}}, ()),
    # one of each part of the pipeline
    "render.seed": ({"render": {"demo": {"seed": 9}}}, ("render source", "render target")),
    "render.appearance": ({"render": {"demo": {"appearance": {"haze": 0.1}}}}, ("render target",)),
    "fit_gmm.components": (demo("fit_gmm", components=3), ("fit_gmm",)),
    "cluster_patches.clusters": (demo("cluster_patches", clusters=20), ("cluster_patches",)),
    "objectives.advent": (demo("objectives", advent={"adversarial": 0.5}), ("adapt advent",)),
    "pseudo_label.confidence": (demo("pseudo_label", confidence=0.2), LABELS),
    "selftrain.rounds, the second": (demo("selftrain", rounds=[3, 4]), ("selftrain q2",)),
    "evaluate.depth_cap_m": (demo("evaluate", depth_cap_m=50.0), EVALUATIONS),
    "draw.images": (demo("draw", images=1), ("draw",)),
}


def leaves(overlay: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The keys that an overlay sets."""
    if not isinstance(overlay, dict):
        return {path}
    return {leaf for key, value in overlay.items() for leaf in leaves(value, (*path, key))}


ROOTS = {name: set(roots) for name, (_, roots) in {**FILES, **KEYS}.items()}


def can_be_told_apart(group: list[str]) -> bool:
    """Whether a plan shows of each of several edits made at once what it runs, and that it runs nothing else.

    What an edit runs by itself must not follow from the others; those that run nothing stay among themselves.
    """
    if len({bool(ROOTS[name]) for name in group}) == 2:
        return False
    keys = [leaves(KEYS[name][0]) for name in group if name in KEYS]
    if sum(map(len, keys)) > len(set[tuple[str, ...]]().union(*keys)):
        return False
    return all(not ROOTS[one] & following(tuple(set().union(*(ROOTS[o] for o in group if o != one)))) for one in group)


def groups() -> list[list[str]]:
    """All edits, as many at once as can be told apart: a plan takes seconds."""
    found = list[list[str]]()
    for name in ROOTS:
        fitting = next((group for group in found if can_be_told_apart([*group, name])), None)
        if fitting is None:
            found.append([name])
        else:
            fitting.append(name)
    return found


@pytest.mark.parametrize("group", groups(), ids="; ".join)
def test_an_edit_runs_what_it_can_change_and_what_follows(finished: Sandbox, group: list[str]) -> None:
    overlay: dict[str, object] = TINY
    with contextlib.ExitStack() as edits:
        for name in group:
            if name in KEYS:
                overlay = merged(overlay, KEYS[name][0])
            else:
                edits.enter_context(FILES[name][0](finished))
        planned = finished.planned(*PRODUCTS, overlay=overlay)
    assert {short(job) for job in planned} == following(tuple(set().union(*(ROOTS[name] for name in group))))


def test_without_an_edit_nothing_runs_after_all_those_that_were_undone(finished: Sandbox) -> None:
    assert finished.planned(*PRODUCTS) == []


def test_another_seed_adds_its_own_jobs_and_keeps_what_is_there(finished: Sandbox) -> None:
    planned = finished.planned(*PRODUCTS, overlay=merged(TINY, {"settings": {"demo": {"seeds": [1, 2]}}}))
    assert {job for job in planned if "/seed2/" not in job} == {"collect results/demo/metrics.csv"}
    assert len(planned) == 1 + len(TRAININGS) + len(EVALUATIONS) + len((*ROUNDS, *LABELS, *REFINED))


def test_another_order_of_methods_writes_the_table_again_and_trains_nothing(finished: Sandbox) -> None:
    overlay = merged(TINY, {"settings": {"demo": {"methods": ["advent", "depth_distribution"]}}})
    assert {short(job) for job in finished.planned(*PRODUCTS, overlay=overlay)} == {"collect"}


def test_a_lost_model_that_nothing_needs_is_made_again_when_it_is_asked_for(finished: Sandbox) -> None:
    model = "results/demo/advent/seed1/q0/model.pt"
    away = (finished.folder / model).rename(finished.folder / f"{model}.away")
    planned, asked = finished.planned(*PRODUCTS), finished.planned(model)
    away.rename(finished.folder / model)
    assert (planned, asked) == ([], [f"adapt {model}"])
