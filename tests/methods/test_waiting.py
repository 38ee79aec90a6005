"""What the host may ask of the device at a step: nothing, or it would wait until all that it gave is done."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dadist.cli.study import read_study
from dadist.cost.counting import count
from dadist.cost.step import _step, method_of, noise
from dadist.registry import METHODS
from dadist.training.loop import to_device

# What ends in a number on the host, or has a size that only the device knows; and what is sent from the host's memory.
ASKING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::_unique2", "aten::masked_select", "aten::is_nonzero"}


class Asked(TorchDispatchMode):
    """Operators that make the host wait, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        tensors = [one for one in args if isinstance(one, torch.Tensor)]
        sent = name in ("aten::_to_copy", "aten::copy_") and len({one.device for one in tensors}) > 1
        sent = sent or (
            name == "aten::_to_copy" and tensors[0].device != (kwargs or {}).get("device", tensors[0].device)
        )
        if name in ASKING or sent:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def steps(name: str, of: str = "demo") -> Iterator[list[str]]:
    """What each of two steps on the meta device asks, at a setting's sizes and with its network."""
    setting = read_study([], [], of).settings[of]
    with torch.device("meta"):
        method = method_of(setting, name)
        source, target = noise(setting, name)
    to_device(method, "meta")
    method.segmenter.train()
    for _ in range(2):
        asked = Asked()

        def one(asked: Asked = asked) -> None:
            with asked:
                list(_step(method, source, target))

        count(one)
        yield asked.found


# Class-mix is left out: it draws from the classes that an image has, and the host has to know how many these are.
MIXING = {"corda", "dacs", "daformer", "mic", "depth_prior", "ecap", "vfm_uda"}


@pytest.mark.parametrize("name", sorted({*METHODS, "plain"} - MIXING))
def test_a_step_asks_the_device_for_nothing(name: str) -> None:
    _, found = steps(name)
    assert found == []


@pytest.mark.parametrize("name", ["ecap", "vfm_uda"])
def test_a_step_asks_for_no_more_than_that_of_mic(name: str) -> None:
    (_, found), (_, mic) = steps(name), steps("mic")
    assert found == mic


@pytest.mark.workflow  # the published network
def test_a_step_of_the_published_network_asks_the_device_for_nothing() -> None:
    _, found = steps("depth_distribution", "s2c7_small")
    assert found == []
