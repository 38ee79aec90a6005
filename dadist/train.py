"""The one loop: it trains every method and every round of self-training."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dadist import parallel
from dadist.config import Optimiser
from dadist.data.loader import Source, Target
from dadist.methods.base import Method, Term
from dadist.model.precision import computing_in
from dadist.model.replicas import replicas
from dadist.progress import Progress
from dadist.state import State
from dadist.watch import Observer, unwatched

logger = logging.getLogger(__name__)

WINDOW = 20  # steps between two rows of losses.csv; values stay on the device in between


class TrainingError(ValueError):
    """A loss is no longer a number."""


def train(
    method: Method,
    source: Callable[[int], Source],
    target: Callable[[int], Target],
    *,
    iterations: int,
    optimiser: Optimiser,
    precision: str,
    state: State,
    sync_bn: bool = True,
    observer: Observer = unwatched,
) -> None:
    """Step the method's segmenter and critics ``iterations`` times, from where the state on disk stands.

    One step: gradients of the segmenter's terms with the critics frozen, gradients of the critics' terms, then all
    optimisers, so that all gradients are taken at the same weights. Rates go by `decay`.

    Args:
        method: What to train; its networks are on the device that the batches are on.
        source: Batch of a step.
        target: Batch of a step; not called for a method that sees no target image.
        iterations: Steps.
        optimiser: Of the segmenter; the critics get Adam at the method's ``critic_lr`` and the same decay.
        precision: That the networks compute in, one of PRECISIONS.
        state: Where to save and what to go on from; its losses.csv gets a row every ``WINDOW`` steps with the mean
            of each term, unweighted.
        sync_bn: Whether several processes that train together normalise with the statistics of all their images.
        observer: Told of each of these rows, in the first process alone.

    Of several processes each calls this with its share of the batches; the first one saves for all.

    Raises:
        SystemExit: on SIGTERM or SIGINT, once the state is saved.
        TrainingError: when a term is not finite, naming it and the step.
        ValueError: when the decay would reach 0 before the last step.
    """
    if optimiser.poly_iterations is not None and optimiser.poly_iterations < iterations:
        raise ValueError(
            f"optimiser.poly_iterations: expected at least the {iterations} iterations of the training, "
            f"got {optimiser.poly_iterations}; set it so, or to null"
        )
    optimisers = _optimisers(method, optimiser)
    end = optimiser.poly_iterations or iterations
    log = Losses(state.losses, observer)
    begin = _restore(state.load(), method, optimisers, log)
    progress = Progress("step", iterations, begin)
    method.segmenter.train()
    mixed, learning = computing_in(precision, called(method)), replicas(called(method), sync_bn=sync_bn)
    with state.signals(), mixed, learning:
        for step in range(begin, iterations):
            for one in optimisers:
                one.zero_grad(set_to_none=True)
                for group in one.param_groups:
                    group["lr"] = group["initial_lr"] * decay(step, end, optimiser)
            _backward(method, source(step), target(step) if method.TARGET_IMAGES else None, step, log)
            for one in optimisers:
                one.step()
            method.after_step(step)
            if (step + 1) % WINDOW == 0 or step + 1 == iterations:
                log.write(step + 1, optimisers[0].param_groups[0]["lr"])
            if state.due():
                state.save(_snapshot(step + 1, method, optimisers, log))
            progress(step + 1, log.note)


def _snapshot(step: int, method: Method, optimisers: list[torch.optim.Optimizer], log: "Losses") -> dict[str, Any]:
    """All that the rest of the training depends on; batches are functions of the seed and the step."""
    return {
        "step": step,
        "networks": {name: network.state_dict() for name, network in method.networks().items()},
        "optimisers": [one.state_dict() for one in optimisers],
        "losses": log.snapshot(),
        "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
    }


def _restore(
    content: dict[str, Any] | None, method: Method, optimisers: list[torch.optim.Optimizer], log: "Losses"
) -> int:
    """Put a state back; the step to go on with, 0 without one."""
    if content is None:
        log.begin({"text": "", "window": {}})
        return 0
    for name, network in method.networks().items():
        network.load_state_dict(content["networks"][name])
    for one, saved in zip(optimisers, content["optimisers"], strict=True):
        one.load_state_dict(saved)
    log.begin(content["losses"])
    torch.set_rng_state(content["random"][0])
    for index, random in enumerate(content["random"][1 : 1 + torch.cuda.device_count()]):
        torch.cuda.set_rng_state(random, index)
    logger.info("going on from step %d", content["step"])
    return int(content["step"])


def _backward(method: Method, source: Source, target: Target | None, step: int, log: "Losses") -> None:
    method.critics.requires_grad_(False)
    for terms in method.segmenter_terms(source, target, step):
        _sum(terms, log).backward()  # type: ignore[no-untyped-call]
    method.critics.requires_grad_(True)
    for terms in method.critic_terms():
        _sum(terms, log).backward()  # type: ignore[no-untyped-call]


def _sum(terms: list[Term], log: "Losses") -> Tensor:
    for term in terms:
        log.add(term)
    return torch.stack([term.weight * term.value for term in terms]).sum()


def decay(step: int, end: int, plan: Optimiser) -> float:
    """Factor of every rate: rises linearly from 0 over ``warm_up`` steps, then is (1 - step / end)^power."""
    return step / plan.warm_up if step < plan.warm_up else (1 - step / end) ** plan.power


def called(method: Method) -> list[nn.Module]:
    """The networks that a method calls, each by itself, frozen ones too."""
    every = method.networks().values()
    return [one for network in every for one in (network.values() if isinstance(network, nn.ModuleDict) else [network])]


def _optimisers(method: Method, plan: Optimiser) -> list[torch.optim.Optimizer]:
    heads = [weight for name, weight in method.segmenter.named_parameters() if not name.startswith("backbone.")]
    if method.companion_lr is None:
        heads += method.companions.parameters()
    groups = [
        {"params": list(method.segmenter.backbone.parameters()), "lr": plan.lr, "initial_lr": plan.lr},
        {"params": heads, "lr": plan.lr * plan.head_lr_mult, "initial_lr": plan.lr * plan.head_lr_mult},
    ]
    segmenter: torch.optim.Optimizer
    if plan.name == "sgd":
        segmenter = torch.optim.SGD(groups, lr=plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay)
    else:
        segmenter = torch.optim.AdamW(groups, lr=plan.lr, betas=(plan.momentum, 0.999), weight_decay=plan.weight_decay)
    found: list[torch.optim.Optimizer] = [segmenter]
    for networks, lr in ((method.companions, method.companion_lr), (method.critics, method.critic_lr)):
        if lr is not None and len(networks):
            group = {"params": list(networks.parameters()), "lr": lr, "initial_lr": lr}
            found.append(torch.optim.Adam([group], lr=lr, betas=method.betas))
    return found


class Losses:
    """Window means of the terms, as CSV: step, lr, then a column a term in the order of their first appearance.

    A window without a term leaves its place empty.
    """

    def __init__(self, path: Path, observer: Observer = unwatched) -> None:
        self.path, self.observer = path, observer
        self.text = ""
        self.window: dict[str, list[Tensor]] = {}
        self._settled: dict[str, int] = {}  # how many of a term's values are means over the processes already
        self.note = ""

    def begin(self, snapshot: dict[str, Any]) -> None:
        """Start with what `snapshot` gave; rows that the file has beyond it go."""
        self.text = snapshot["text"]
        self.window = {name: list(values) for name, values in snapshot["window"].items()}
        self._settled = {name: len(values) for name, values in self.window.items()}
        if parallel.first():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.text or "step,lr\n", encoding="utf-8")

    def snapshot(self) -> dict[str, Any]:
        """The rows so far, and the values of the window that is not full yet."""
        return {"text": self.text, "window": self._means()}

    def add(self, term: Term) -> None:
        """Keep a term's value; no synchronisation with the device."""
        self.window.setdefault(term.name, []).append(term.value.detach())

    def write(self, step: int, lr: float) -> None:
        """Close the window that ends with ``step``."""
        means = {name: float(values.mean()) for name, values in self._means().items()}
        self._require_finite(step)
        header, *rows = self.text.splitlines() or ["step,lr"]
        columns = header.split(",")
        begun = [name for name in means if name not in columns]  # a term may begin later than others, or pause
        columns += begun
        values = {"step": str(step), "lr": f"{lr:.3e}", **{name: f"{value:.5g}" for name, value in means.items()}}
        rows = [f"{row}{',' * len(begun)}" for row in rows] + [",".join(values.get(name, "") for name in columns)]
        self.text = "".join(f"{line}\n" for line in (",".join(columns), *rows))
        if parallel.first():
            with self.path.open("w" if begun else "a", encoding="utf-8") as file:
                file.write(self.text if begun else f"{rows[-1]}\n")
        self.note = "  ".join(f"{name} {value:.3g}" for name, value in means.items())
        self.window.clear()
        self._settled.clear()
        if parallel.first():
            self.observer(step, means)

    def _means(self) -> dict[str, Tensor]:
        """The values of the window, each the mean over the processes; those that were once keep their bits."""
        for name, values in self.window.items():
            begin = self._settled.get(name, 0)
            if begin < len(values):
                values[begin:] = parallel.mean(torch.stack(values[begin:]))
            self._settled[name] = len(values)
        return {name: torch.stack(values) for name, values in self.window.items()}

    def _require_finite(self, step: int) -> None:
        # The first that went wrong: a step later every term is NaN, since the weights are.
        wrong = [
            (index, name, float(values[index]))
            for name, values in self.window.items()
            for index in (~torch.stack(values).isfinite()).nonzero().flatten()[:1].tolist()
        ]
        if wrong:
            index, name, value = min(wrong, key=lambda one: one[0])
            raise TrainingError(
                f"loss term '{name}': expected a finite number, got {value} "
                f"at step {step - len(self.window[name]) + index}; lower the optimiser's lr or the weight of this "
                f"term in config.yaml; the losses until then are in {self.path} (alarm loss_not_finite)"
            )


def to_device(method: Method, where: str) -> None:
    """Move a method's networks."""
    for network in method.networks().values():
        network.to(where)
