"""The one loop: it trains every method and every round of self-training."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dadist.config.network_sections import Optimiser
from dadist.data.loader import Source, Target
from dadist.methods.base import Method, Term
from dadist.model.precision import computing_in
from dadist.model.replicas import replicas
from dadist.runtime.progress import Progress
from dadist.training.groups import Group, groups
from dadist.training.loss_log import LossLog
from dadist.training.monitor import Observer, no_observer
from dadist.training.resume import State

logger = logging.getLogger(__name__)

WINDOW = 20  # steps between two rows of losses.csv; values stay on the device in between


class TrainingSettings(Protocol):
    """What the sections ``adapt`` and ``selftrain.training`` have in common for the loop."""

    @property
    def optimiser(self) -> Optimiser:
        """The segmenter's."""

    @property
    def precision(self) -> str:
        """That the networks compute in, one of PRECISIONS."""

    @property
    def sync_bn(self) -> bool:
        """Whether several processes that train together normalise with the statistics of all their images."""


def train(
    method: Method,
    source: Callable[[int], Source],
    target: Callable[[int], Target],
    settings: TrainingSettings,
    *,
    iterations: int,
    state: State,
    observer: Observer = no_observer,
) -> None:
    """Step the method's segmenter and critics ``iterations`` times, from where the state on disk stands.

    One step: gradients of the segmenter's terms with the critics frozen, gradients of the critics' terms, then all
    optimisers, so that all gradients are taken at the same weights. Rates go by `decay`.

    Args:
        method: What to train; its networks are on the device that the batches are on.
        source: Batch of a step.
        target: Batch of a step; not called for a method that sees no target image.
        settings: Its optimiser is the segmenter's; critics get Adam at the method's ``critic_lr`` and the same decay.
        iterations: Steps.
        state: Where to save and what to go on from; its losses.csv gets a row every ``WINDOW`` steps with the mean
            of each term, unweighted.
        observer: Told of each of these rows, in the first process alone.

    Of several processes each calls this with its share of the batches; the first one saves for all.

    Raises:
        SystemExit: on SIGTERM or SIGINT, once the state is saved.
        NotFiniteError: when a term is not finite, naming it and the step.
        ValueError: when the decay would reach 0 before the last step.
    """
    optimiser = settings.optimiser
    if optimiser.poly_iterations is not None and optimiser.poly_iterations < iterations:
        raise ValueError(
            f"optimiser.poly_iterations: expected at least the {iterations} iterations of the training, "
            f"got {optimiser.poly_iterations}; set it so, or to null"
        )
    optimisers, repeats = zip(*_optimisers(method, optimiser), strict=True)
    end = optimiser.poly_iterations or iterations
    log = LossLog(state.losses, observer)
    begin = _restore(state.load(), method, optimisers, log)
    progress = Progress("step", iterations, begin)
    method.segmenter.train()
    mixed, learning = (
        computing_in(settings.precision, called(method)),
        replicas(called(method), sync_bn=settings.sync_bn),
    )
    with state.signals(), mixed, learning:
        for step in range(begin, iterations):
            for one in optimisers:
                one.zero_grad(set_to_none=True)
                for group in one.param_groups:
                    group["lr"] = group["initial_lr"] * decay(step, end, optimiser)
            _backward(method, source(step), target(step) if method.TARGET_IMAGES else None, step, log)
            for one, times in zip(optimisers, repeats, strict=True):
                for _ in range(times):
                    one.step()
            method.after_step(step)
            if (step + 1) % WINDOW == 0 or step + 1 == iterations:
                log.write(step + 1, optimisers[0].param_groups[0]["lr"])
            if state.due():
                state.save(_snapshot(step + 1, method, optimisers, log))
            progress(step + 1, log.note)


def _snapshot(step: int, method: Method, optimisers: Sequence[torch.optim.Optimizer], log: LossLog) -> dict[str, Any]:
    """All that the rest of the training depends on; batches are functions of the seed and the step."""
    return {
        "step": step,
        "networks": {name: network.state_dict() for name, network in method.networks().items()},
        "optimisers": [one.state_dict() for one in optimisers],
        "losses": log.snapshot(),
        "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
    }


def _restore(
    content: dict[str, Any] | None, method: Method, optimisers: Sequence[torch.optim.Optimizer], log: LossLog
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


def _backward(method: Method, source: Source, target: Target | None, step: int, log: LossLog) -> None:
    method.critics.requires_grad_(False)
    for terms in method.segmenter_terms(source, target, step):
        _sum(terms, log).backward()  # type: ignore[no-untyped-call]
    method.critics.requires_grad_(True)
    for terms in method.critic_terms():
        _sum(terms, log).backward()  # type: ignore[no-untyped-call]


def _sum(terms: list[Term], log: LossLog) -> Tensor:
    for term in terms:
        log.add(term)
    return torch.stack([term.weight * term.value for term in terms]).sum()


def decay(step: int, end: int, settings: Optimiser) -> float:
    """Factor of every rate: rises linearly from 0 over ``warm_up`` steps, then is (1 - step / end)^power."""
    return step / settings.warm_up if step < settings.warm_up else (1 - step / end) ** settings.power


def called(method: Method) -> list[nn.Module]:
    """The networks that a method calls, each by itself, frozen ones too."""
    every = method.networks().values()
    return [one for network in every for one in (network.values() if isinstance(network, nn.ModuleDict) else [network])]


def _optimisers(method: Method, settings: Optimiser) -> list[tuple[torch.optim.Optimizer, int]]:
    """Each optimiser, and how often it steps on the gradients of one step of the training."""
    heads = list(method.companions.parameters()) if method.companion_lr is None else []
    found = [(_segmenters(own, settings), times) for times, own in groups(method.segmenter, heads, settings).items()]
    for networks, lr in ((method.companions, method.companion_lr), (method.critics, method.critic_lr)):
        if lr is not None and len(networks):
            group = {"params": list(networks.parameters()), "lr": lr, "initial_lr": lr}
            found.append((torch.optim.Adam([group], lr=lr, betas=method.betas, fused=True), 1))
    return found


def _segmenters(groups: list[Group], settings: Optimiser) -> torch.optim.Optimizer:
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True
        )
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=(settings.momentum, 0.999), weight_decay=settings.weight_decay, fused=True
    )


def to_device(method: Method, where: str) -> Method:
    """The same method, its networks moved."""
    for network in method.networks().values():
        network.to(where)
    return method
