"""Networks of one training over several processes: equal gradients, and BatchNorm over the images of all."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dadist.model.segmenter import batch_norms
from dadist.runtime import distributed


@contextlib.contextmanager
def replicas(networks: Iterable[nn.Module], *, sync_bn: bool) -> Iterator[None]:
    """Within it, a backward pass leaves each of ``networks`` with the mean of the processes' gradients.

    The networks stay the modules that they are: DistributedDataParallel stands behind their ``forward``, so attributes,
    names of weights and checkpoints know nothing of it. A method has to call a network as a whole, not a part of it.
    A parameter that no process reaches keeps the gradient that it had. Alone, nothing changes.

    Args:
        networks: What is trained or called; all processes hold the same weights, and of what is trained get the first
            one's if they do not.
        sync_bn: Whether a BatchNorm in training mode normalises with the statistics of all processes' images, as if
            they were one batch, or each process with those of its own.
    """
    with contextlib.ExitStack() as stack:
        for network in networks if distributed.processes() > 1 else ():
            for norm in batch_norms(network) if sync_bn else ():
                stack.enter_context(_calling(norm, _normalising_over_processes(norm)))
            if any(weight.requires_grad for weight in network.parameters()):
                # Unused: heads whose terms have a weight of 0, and a critic's own weights while it is frozen.
                whole = _Whole(network)
                several = DistributedDataParallel(whole, find_unused_parameters=True)
                stack.enter_context(_calling(network, functools.partial(whole.answered, several)))
        yield


@contextlib.contextmanager
def _calling(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Within it, a call of ``module`` is one of ``forward``."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward  # the class's own is there again
        else:
            module.forward = before


class _Whole(nn.Module):
    """A network under the forward that it has now: its weights, but not its statistics, which are not to be sent."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.weights, self.now = nn.ParameterList(network.parameters()), network.forward
        self.kind: Callable[..., Any] | None = None

    def forward(self, *inputs: Tensor) -> Any:
        """What the network says; of a dataclass its fields, since all tensors must be where torch looks for them."""
        found = self.now(*inputs)
        self.kind = type(found) if dataclasses.is_dataclass(found) else None
        return found if self.kind is None else vars(found)

    def answered(self, several: DistributedDataParallel, *inputs: Tensor) -> Any:
        """What the network says, as it says it."""
        found = several(*inputs)
        return found if self.kind is None else self.kind(**found)


def _normalising_over_processes(norm: nn.BatchNorm2d) -> Callable[[Tensor], Tensor]:
    """The forward of a BatchNorm over the images of all processes.

    torch's own SyncBatchNorm refuses to do so on a CPU, and is another module, which a checkpoint would carry. A
    BatchNorm of timm has its activation, and what it drops at random, behind it.
    """
    behind = nn.Sequential(*(getattr(norm, part) for part in ("drop", "act") if hasattr(norm, part)))

    def forward(x: Tensor) -> Tensor:
        if not norm.training:
            return cast(Tensor, behind(nn.BatchNorm2d.forward(norm, x)))
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        assert norm.momentum is not None
        with torch.no_grad():
            own = torch.stack(torch.var_mean(x.float(), (0, 2, 3), correction=0))  # (2, C)
            variances, means = distributed.gather(own[None]).unbind(1)  # (processes, C) each, of equally many values
            mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
            count = x.numel() // x.shape[1] * distributed.processes()
            norm.num_batches_tracked += 1
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
        return cast(Tensor, behind(_Normalise.apply(x, norm.weight, norm.bias, mean, variance, norm.eps)))

    return forward


class _Normalise(torch.autograd.Function):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias, where mean and variance are those of all processes' x.

    With g = dL/dy, n the normalised x and E the mean over all processes' images and places,
    dL/dx = weight / sqrt(variance + eps) (g - E[g] - n E[g n]), as for any BatchNorm (Ioffe & Szegedy, ICML 2015).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
    ) -> Tensor:
        inverse = (variance + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, inverse)
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        g = gradients[0].float()
        n = (x.float() - mean[:, None, None]) * inverse[:, None, None]
        own = torch.stack([g.sum((0, 2, 3)), (g * n).sum((0, 2, 3))])  # (2, C): of bias and weight
        expected = distributed.total(own) / (x.numel() // x.shape[1] * distributed.processes())
        rest = g - expected[0, :, None, None] - n * expected[1, :, None, None]
        return (rest * (weight * inverse)[:, None, None]).to(x.dtype), own[1], own[0], None, None, None
