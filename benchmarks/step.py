"""The training step of depth_distribution: ours, a plain one, and what each change of the plain one brings alone."""

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.baseline_step import Changes, PlainRound, PlainStep
from benchmarks.fixtures import domains
from benchmarks.subprocesses import Answer, apart, race_apart
from benchmarks.timing import REPEATS, Line, lines, machine, save, text
from dadist.config.schema import Setting
from dadist.cost.step import method_of, noise, step_cost
from dadist.data.loader import Sampling, Source, SourceLoader, Target, TargetLoader
from dadist.methods.depth_distribution import DepthDistribution
from dadist.model.inference import device, device_name
from dadist.registry import RECIPES
from dadist.runtime.memory import keep_freed_memory
from dadist.training.loop import WINDOW, to_device, train
from dadist.training.resume import State

METHOD = "depth_distribution"
BATCHES = 8  # of noise, which come round, and of different streets
PLAIN, OURS = "plain loop, float32", "ours, float32"
CHANGES = {
    PLAIN: Changes(),
    "plain, bfloat16": Changes(mixed=True),
    "plain, bfloat16, channels last": Changes(mixed=True, channels_last=True),
    "plain, channels last": Changes(channels_last=True),
    "plain, classifier as a product": Changes(product=True),
    "plain, fused optimisers": Changes(fused=True),
    "plain, density in torch": Changes(on_device=True),
    "plain, cross-entropy on the grid": Changes(coarse=True),
    "plain, torch.compile": Changes(compiled=True),
}
OF_OURS: dict[str, Literal["float32", "bfloat16"]] = {OURS: "float32", "ours, bfloat16": "bfloat16"}
# What an operator does, by how the profiler names it; the first that fits.
KINDS = {
    "convolution, backward": ("convolution_backward",),
    "convolution": ("conv", "addmm", "::mm", "::bmm", "col2im", "im2col"),
    "normalisation": ("batch_norm",),
    "to the images' size": ("upsample",),
    "softmax, logarithms": ("softmax", "::log", "::exp"),
    "optimisers": ("fused_", "lerp", "addcdiv", "addcmul", "Optimizer", "::sqrt"),
}
REST = "everything else"
Step = Callable[[], None]
Told = Callable[[Mapping[str, float]], None]
Batches = tuple[Callable[[int], Source], Callable[[int], Target]]  # of a step


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("setting", help="a name in `settings` of config.yaml: its network, weights and batch")
    parser.add_argument("--size", nargs=2, type=int, metavar=("W", "H"), help="of both domains; the setting's without")
    parser.add_argument(
        "--ways",
        nargs="+",
        choices=[*OF_OURS, *CHANGES],
        default=[*OF_OURS, *CHANGES],
        metavar="WAY",
        help="some of them: each is timed beside our own quickest, so the memory of two trainings is needed",
    )
    parser.add_argument("--steps", type=int, default=1, help="that are timed together (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of these, in turns (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")
    parser.add_argument("--parts", action="store_true", help="say how much of each kind of work every way does")
    parser.add_argument("--curves", type=int, default=0, metavar="STEPS", help="compare the losses of so many steps")


def run(asked: argparse.Namespace) -> None:
    """Steps of each way on the same noise, each in a process of its own, beside one of our quickest way."""
    setting, where = asked.setting, device()
    if asked.size is not None:
        setting = resized(setting, *asked.size)
    on = f"{machine()}, {device_name()}, {asked.threads} threads, torch {torch.__version__}"
    sys.stdout.write(f"{on}\n\n")
    if asked.curves:
        torch.set_num_threads(asked.threads)
        sys.stdout.write(curves(setting, where, asked.curves))
        return
    view, flops = setting.source, step_cost(setting, METHOD).flops
    case = f"{view.height}x{view.width}, {setting.adapt.batch}+{setting.adapt.batch}, {flops / 1e12:.3g} TFLOP"
    best = next((way for way in reversed(OF_OURS) if way in asked.ways), asked.ways[0])
    others = [way for way in asked.ways if way != best]
    given = {way: (setting, METHOD, way, where, asked.steps, asked.threads) for way in asked.ways}
    found: list[Line] = []
    shares: dict[str, Mapping[str, float]] = {}
    for pair in [[best, way] for way in others] or [[best]]:
        with apart(answerer, {way: given[way] for way in pair}) as ways:
            seconds = race_apart(ways, repeats=asked.repeats)
            shares |= {way: ask("parts") for way, ask in ways.items() if asked.parts and way not in shares}
        both = lines("step", case, seconds, ours=best, repeats=asked.repeats)
        found += both if not found else both[1:]
    save(found, asked.out, on)
    sys.stdout.write(text(found) + "\n")
    for one in found:
        sys.stdout.write(f"{one.way}: {flops / one.seconds / 1e12:.3g} TFLOP/s\n")
    if shares:
        sys.stdout.write("\n" + _shares(shares))


def answerer(setting: Setting, name: str, way: str, where: str, steps: int, threads: int) -> Answer:
    """For a process of its own: "time" is answered by the seconds of a step, "parts" by those of each kind of work.

    Seconds are of processor time on a CPU, and of the clock, until all is done, on a GPU. ``name`` is METHOD, or a
    recipe of self-training.
    """
    torch.set_num_threads(threads)
    if way in OF_OURS:
        keep_freed_memory()  # as every stage does
    step = _step(setting, name, way, where, steps)

    def answer(question: str) -> Any:
        if question == "parts":
            return {kind: each / steps for kind, each in parts(step, where).items()}
        begun = now(where)
        step()
        return (now(where) - begun) / steps

    return answer


def now(where: str) -> float:
    """Seconds: of processor time on a CPU, and of the clock, once all is done, on a GPU."""
    if where == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def resized(setting: Setting, width: int, height: int) -> Setting:
    """The setting with images of another size in both domains, and the grid that its network has for it."""
    views = [dataclasses.replace(view, width=width, height=height) for view in (setting.source, setting.target)]
    with torch.device("meta"):
        grid = method_of(setting, METHOD).segmenter.grid(width, height)
    return dataclasses.replace(setting, source=views[0], target=views[1], grid=grid)


def parts(step: Step, where: str) -> dict[str, float]:
    """Seconds of each kind of work of one call."""
    kinds = [ProfilerActivity.CUDA] if where == "cuda" else [ProfilerActivity.CPU]
    with profile(activities=kinds) as seen:
        step()
    found = dict.fromkeys([*KINDS, REST], 0.0)
    for one in seen.key_averages():
        took = one.self_device_time_total if where == "cuda" else one.self_cpu_time_total
        found[next((kind for kind, words in KINDS.items() if any(word in one.key for word in words)), REST)] += took
    return {kind: took / 1e6 for kind, took in found.items()}


def curves(setting: Setting, where: str, steps: int) -> str:
    """Means of each loss over the last fifth of ``steps``, on rendered streets, from equal weights; a column a way."""
    found, images = {}, BATCHES * setting.adapt.batch
    sampling = Sampling(setting.adapt.batch, 1, mirror=False, device=where)  # the plain loop knows no mirror
    with tempfile.TemporaryDirectory() as scratch:
        source, target = domains(Path(scratch), setting, images)
        given = (
            SourceLoader(source, sampling, numerator=setting.inverse_depth, zero_depth=setting.adapt.zero_depth),
            TargetLoader(target, sampling),
        )
        for way in (PLAIN, *OF_OURS):
            windows: list[Mapping[str, float]] = []
            _step(setting, METHOD, way, where, steps, windows.append, given)()
            tail = windows[-max(1, len(windows) // 5) :]
            found[way] = {name: statistics.mean(one[name] for one in tail) for name in tail[0]}
    head = ["| loss | " + " | ".join(found) + " |", "|---|" + "--:|" * len(found)]
    rows = [f"| {name} | " + " | ".join(f"{of[name]:.4g}" for of in found.values()) + " |" for name in found[PLAIN]]
    return "\n".join([*head, *rows]) + "\n"


def _noise(setting: Setting, name: str, where: str) -> Batches:
    """A few batches of noise that come round."""
    batches = [_sent(noise(setting, name), where) for _ in range(BATCHES)]
    return lambda step: batches[step % BATCHES][0], lambda step: batches[step % BATCHES][1]


def _step(
    setting: Setting,
    name: str,
    way: str,
    where: str,
    steps: int,
    told: Told = lambda _: None,
    given: Batches | None = None,
) -> Step:
    """A call makes ``steps`` steps, on noise unless batches are given; ``told`` gets the means of every window."""
    torch.manual_seed(0)
    method = method_of(setting, name)
    to_device(method, where)
    source, target = given or _noise(setting, name, where)
    section = setting.selftrain.training if name in RECIPES else setting.adapt
    optimiser = dataclasses.replace(section.optimiser, poly_iterations=None, power=0.0, head_lr_mult=1.0, warm_up=0)
    if way in OF_OURS:
        plan = dataclasses.replace(section, optimiser=optimiser, precision=OF_OURS[way])

        def ours() -> None:
            with tempfile.TemporaryDirectory() as folder:
                state, observer = State(Path(folder), ""), lambda _, means: told(means)
                train(method, source, target, plan, iterations=steps, state=state, observer=observer)

        return ours
    one: Callable[[Source, Target], dict[str, Tensor]]
    if name in RECIPES:
        one = PlainRound(method, optimiser, CHANGES[way])
    else:
        assert isinstance(method, DepthDistribution)
        one = PlainStep(method, optimiser, CHANGES[way])

    def plain() -> None:
        window: list[dict[str, Tensor]] = []
        for step in range(steps):
            window.append(one(source(step), target(step)))
            if (step + 1) % WINDOW == 0 or step + 1 == steps:
                told({name: float(torch.stack([seen[name] for seen in window]).mean()) for name in window[0]})
                window.clear()

    return plain


def _sent(batch: tuple[Source, Target], where: str) -> tuple[Source, Target]:
    def sent(one: Any) -> Any:
        return type(one)(*(None if part is None else part.to(where) for part in one))

    return sent(batch[0]), sent(batch[1])


def _shares(found: Mapping[str, Mapping[str, float]]) -> str:
    """Milliseconds of each kind of work, a column a way."""
    head = ["| milliseconds | " + " | ".join(found) + " |", "|---|" + "--:|" * len(found)]
    rows = [
        f"| {kind} | " + " | ".join(f"{1000 * of[kind]:.1f}" for of in found.values()) + " |" for kind in (*KINDS, REST)
    ]
    return "\n".join([*head, *rows]) + "\n"
