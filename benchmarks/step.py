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
from benchmarks.fixtures import prepare_domains
from benchmarks.subprocesses import Worker, start_workers, time_workers
from benchmarks.timing import REPEATS, Timing, columns, machine, save, text, timings
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
BATCHES = 8  # different ones, of noise or of streets, which repeat
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
# Kinds of work, and parts of the names that the profiler has for their operators; the first that fits counts.
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
Observe = Callable[[Mapping[str, float]], None]  # gets the mean losses of a window of steps
Batches = tuple[Callable[[int], Source], Callable[[int], Target]]  # by the number of a step


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
    """Steps of each way on the same noise, in turns with our quickest way, each in a subprocess."""
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
    quickest = next((way for way in reversed(OF_OURS) if way in asked.ways), asked.ways[0])
    others = [way for way in asked.ways if way != quickest]
    arguments = {way: (setting, METHOD, way, where, asked.steps, asked.threads) for way in asked.ways}
    rows: list[Timing] = []
    shares: dict[str, Mapping[str, float]] = {}
    for pair in [[quickest, way] for way in others] or [[quickest]]:
        with start_workers(step_worker, {way: arguments[way] for way in pair}) as workers:
            seconds = time_workers(workers, repeats=asked.repeats)
            shares |= {way: ask("parts") for way, ask in workers.items() if asked.parts and way not in shares}
        both = timings("step", case, seconds, ours=quickest, repeats=asked.repeats)
        rows += both if not rows else both[1:]
    save(rows, asked.out, on)
    sys.stdout.write(text(rows) + "\n")
    for one in rows:
        sys.stdout.write(f"{one.way}: {flops / one.seconds / 1e12:.3g} TFLOP/s\n")
    if shares:
        in_ms = {way: {kind: 1000 * each for kind, each in of.items()} for way, of in shares.items()}
        sys.stdout.write("\n" + columns("milliseconds", in_ms, "{:.1f}"))


def step_worker(setting: Setting, name: str, way: str, where: str, steps: int, threads: int) -> Worker:
    """A worker that answers "time" by the seconds of a step, and "parts" by those of each kind of work.

    Args:
        setting: Gives network, weights, batch and sizes.
        name: METHOD, or a recipe of self-training.
        way: One of OF_OURS or CHANGES.
        where: Device; see `now` for its seconds.
        steps: That one answer takes the mean of.
        threads: Of a CPU.
    """
    torch.set_num_threads(threads)
    if way in OF_OURS:
        keep_freed_memory()  # as every stage does
    step = _step(setting, name, way, where, steps)

    def answer(request: str) -> Any:
        if request == "parts":
            return {kind: each / steps for kind, each in profiled(step, where).items()}
        begin = now(where)
        step()
        return (now(where) - begin) / steps

    return answer


def now(where: str) -> float:
    """Seconds: processor time on a CPU; on a GPU the clock, once all work is done."""
    if where == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def resized(setting: Setting, width: int, height: int) -> Setting:
    """The setting with images of another size in both domains, and the grid that its network has for it."""
    source = dataclasses.replace(setting.source, width=width, height=height)
    target = dataclasses.replace(setting.target, width=width, height=height)
    with torch.device("meta"):
        grid = method_of(setting, METHOD).segmenter.grid(width, height)
    return dataclasses.replace(setting, source=source, target=target, grid=grid)


def profiled(step: Step, where: str) -> dict[str, float]:
    """Seconds of each kind of work of one call."""
    kinds = [ProfilerActivity.CUDA] if where == "cuda" else [ProfilerActivity.CPU]
    with profile(activities=kinds) as profiler:
        step()
    seconds = dict.fromkeys([*KINDS, REST], 0.0)
    for one in profiler.key_averages():
        took = one.self_device_time_total if where == "cuda" else one.self_cpu_time_total
        seconds[next((kind for kind, words in KINDS.items() if any(word in one.key for word in words)), REST)] += (
            took / 1e6
        )
    return seconds


def curves(setting: Setting, where: str, steps: int) -> str:
    """Mean losses of the last fifth of ``steps`` on rendered streets, from equal weights, with one column per way."""
    means, images = {}, BATCHES * setting.adapt.batch
    sampling = Sampling(setting.adapt.batch, 1, mirror=False, device=where)  # the plain loop knows no mirror
    with tempfile.TemporaryDirectory() as scratch:
        source, target = prepare_domains(Path(scratch), setting, images)
        given = (
            SourceLoader(source, sampling, numerator=setting.inverse_depth, zero_depth=setting.adapt.zero_depth),
            TargetLoader(target, sampling),
        )
        for way in (PLAIN, *OF_OURS):
            windows: list[Mapping[str, float]] = []
            _step(setting, METHOD, way, where, steps, windows.append, given)()
            tail = windows[-max(1, len(windows) // 5) :]
            means[way] = {name: statistics.mean(one[name] for one in tail) for name in tail[0]}
    return columns("loss", means, "{:.4g}")


def _noise(setting: Setting, name: str, where: str) -> Batches:
    """A few batches of noise, which repeat."""
    batches = [_moved(noise(setting, name), where) for _ in range(BATCHES)]
    return lambda step: batches[step % BATCHES][0], lambda step: batches[step % BATCHES][1]


def _step(
    setting: Setting,
    name: str,
    way: str,
    where: str,
    steps: int,
    observe: Observe = lambda _: None,
    given: Batches | None = None,
) -> Step:
    """A call makes ``steps`` steps, on noise unless batches are given; ``observe`` gets the means of each window."""
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
                state, observer = State(Path(folder), ""), lambda _, means: observe(means)
                train(method, source, target, plan, iterations=steps, state=state, observer=observer)

        return ours
    one: Callable[[Source, Target], dict[str, Tensor]]
    if name in RECIPES:
        one = PlainRound(method, optimiser, CHANGES[way])
    else:
        assert isinstance(method, DepthDistribution)
        one = PlainStep(method, optimiser, CHANGES[way])

    return lambda: _plain_loop(one, source, target, steps, observe)


def _plain_loop(
    one: Callable[[Source, Target], dict[str, Tensor]],
    source: Callable[[int], Source],
    target: Callable[[int], Target],
    steps: int,
    observe: Observe,
) -> None:
    window: list[dict[str, Tensor]] = []
    for step in range(steps):
        window.append(one(source(step), target(step)))
        if (step + 1) % WINDOW == 0 or step + 1 == steps:
            observe({name: float(torch.stack([losses[name] for losses in window]).mean()) for name in window[0]})
            window.clear()


def _moved(batch: tuple[Source, Target], where: str) -> tuple[Source, Target]:
    def moved(one: Any) -> Any:
        return type(one)(*(None if part is None else part.to(where) for part in one))

    return moved(batch[0]), moved(batch[1])
