"""A trained segmenter as a file: what it is, its weights, and how it came about."""

import dataclasses
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dadist.classes import ClassSet
from dadist.data.resize import Frame
from dadist.model.blank import blank
from dadist.model.layouts import build
from dadist.model.precision import has_depthwise
from dadist.model.published import FAMILIES, Start, recognise
from dadist.model.segmenter import Architecture, Segmenter
from dadist.model.weight_files import read
from dadist.storage import atomic

FORMAT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Everything that evaluation, labelling, a later training and predictions elsewhere need, in one file."""

    architecture: Architecture
    weights: dict[str, Tensor]  # state of the segmenter, on the CPU
    protocol: dict[str, str | int | float]  # how it was trained: data, sizes, seed, iterations, code digest, ...
    frame: Frame  # the size that it works at
    inverse_depth: float  # numerator of the inverse depth that its depth head was taught, if it has one
    settings: dict[str, Any]  # of the training that made it, as its stage took them

    def save(self, path: Path) -> None:
        """Write the file atomically. Equal content gives equal bytes, whatever the name."""
        content = {
            "format": FORMAT,
            "architecture": json.loads(json.dumps(dataclasses.asdict(self.architecture))),  # plain lists for tuples
            # A copy, since a view would drag the whole of its storage into the file.
            "weights": {name: value.detach().cpu().clone() for name, value in self.weights.items()},
            "protocol": dict(self.protocol),
            "frame": json.loads(json.dumps(dataclasses.asdict(self.frame))),
            "inverse_depth": self.inverse_depth,
            "settings": json.loads(json.dumps(self.settings)),
        }
        # In memory first: given a path, torch writes its name into the archive, and hides a full disk's OSError.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with atomic.atomic(path) as temporary:
            temporary.write_bytes(atomic.sealed(buffer.getvalue()))

    @staticmethod
    def load(path: Path) -> "Checkpoint":
        """Read a file that ``save`` wrote, on the CPU; runs no code from it.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is broken or something else.
        """
        content, remedy = read(path), "delete it and run its stage again"
        if not _ours(content):
            got = f"keys {sorted(map(str, content))[:4]}" if isinstance(content, dict) else type(content).__name__
            if isinstance(content, dict) and isinstance(content.get("format"), int):
                got = f"format {content['format']}"
            raise ValueError(f"{path}: expected a checkpoint of dadist, format {FORMAT}, got {got}; {remedy}")
        try:
            architecture, frame = _architecture(content["architecture"]), _frame(content["frame"])
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path}: expected an architecture this version knows, got {error}; {remedy}") from error
        return Checkpoint(
            architecture,
            content["weights"],
            content["protocol"],
            frame,
            content["inverse_depth"],
            content["settings"],
        )

    def predicting(self, where: str) -> Segmenter:
        """The network to predict with, on a device of torch; as `segmenter`, its weights laid out for what it does."""
        segmenter = self.segmenter().to(where)
        return segmenter.to(memory_format=torch.channels_last) if has_depthwise(segmenter) else segmenter

    def segmenter(self) -> Segmenter:
        """The network with these weights, in evaluation mode; draws no random number.

        Raises:
            ValueError: If the weights do not fit the architecture.
        """
        with blank():
            segmenter = build(self.architecture)
        try:
            segmenter.load_state_dict({name: value.clone() for name, value in self.weights.items()}, assign=True)
            if any(table.is_meta for table in segmenter.buffers()):  # tables that a file does not carry
                with torch.random.fork_rng(devices=[]):
                    segmenter = build(self.architecture)
                segmenter.load_state_dict(self.weights)
        except RuntimeError as error:
            raise ValueError(f"checkpoint: expected the weights of {self.architecture}, got others: {error}") from error
        return segmenter.eval()


class Restored(NamedTuple):
    """What came of a start."""

    matched: int  # tensors that the file brought, of those that count
    wanted: int  # tensors that count
    left: dict[str, int]  # how many tensors of the file have no place in the network, by the beginning of their names
    new: list[str]  # parts of the network of which the file brought nothing


def restore(segmenter: Segmenter, start: Start, *, least: float) -> Restored:
    """Copy every tensor whose name the segmenter shares; start a training from another model.

    A classifier of another number of classes stays behind. Of what the file lacks nothing changes.

    Args:
        segmenter: Changed in place.
        start: What `start_weights` read.
        least: Share that must be found of the tensors of backbone and classifier (`SHARED` of the layout, or what
            the file is for), or with 1 all of the network's, as where nothing will train the rest. A silent miss costs
            half the accuracy: users of these networks report 24 % for it.

    Raises:
        ValueError: If the weights are for another backbone or other pixels, too few are found, or one has another
            shape; nothing is copied then.
    """
    architecture, own = segmenter.architecture, segmenter.state_dict()
    for key, expected, got in (
        ("backbone", architecture.backbone, start.backbone),
        ("pixels", architecture.pixels, start.pixels),
    ):
        if got != expected:
            raise ValueError(
                f"{start.file}: expected weights for {key} {expected}, as adapt.network.{key} says, "
                f"got {start.origin}, for {got}; set adapt.network.{key}: {got}, or start from another file"
            )
    found, left = {}, Counter[str]()
    for name, value in start.tensors.items():
        if name in own and own[name].shape == value.shape:
            found[name] = value
        elif name not in own or _other_classes(name, own[name], value, len(architecture.classes)):
            left[".".join(name.split(".")[:-1][:2])] += 1
        else:
            raise ValueError(
                f"{start.file}: {name}: expected shape {tuple(own[name].shape)}, got {tuple(value.shape)}; "
                "start from another file"
            )
    # Old files carry no num_batches_tracked, and nothing depends on it.
    named = [name for name, part in segmenter.named_children() if part.state_dict()]
    shared = named if least == 1 else start.parts or segmenter.SHARED
    core = [name for name in own if name.partition(".")[0] in shared and not name.endswith("_tracked")]
    matched = sum(name in found for name in core)
    if matched < least * len(core):
        missing = ", ".join([name for name in core if name not in found][:3])
        raise ValueError(
            f"{start.file}: expected at least {least:.0%} of the {len(core)} tensors of {', '.join(shared)}, "
            f"got {matched} of {start.origin} (missing {missing}, ...); check that the file is for "
            f"{architecture.backbone} and, if it has a classifier, for these classes"
        )
    segmenter.load_state_dict({**own, **found})
    parts = {name.partition(".")[0] for name in found}
    return Restored(matched, len(core), dict(left), [name for name in named if name not in parts])


def _other_classes(name: str, own: Tensor, value: Tensor, classes: int) -> bool:
    """Whether a tensor is of a classifier, and the file's one is for another number of classes."""
    return not name.startswith("backbone.") and own.shape[:1] == (classes,) and own.shape[1:] == value.shape[1:]


def start_weights(path: Path, segmenter: Segmenter) -> Start:
    """Weights to start a training of a network from: a checkpoint of ours, or a published file.

    A published file is of a known family, or the backbone knows its names (of timm). It is a state dict, or holds one
    under ``model`` or ``state_dict`` beside what it does not take (an optimiser's). A name that ends in .safetensors
    has that format.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken or something else.
    """
    content = read(path)
    if _ours(content):
        checkpoint = Checkpoint.load(path)
        built = checkpoint.architecture
        tensors = {name: value for name, value in checkpoint.weights.items() if "." in name}  # no mean, no deviation
        return Start(path, tensors, "a checkpoint of dadist", built.backbone, built.pixels, checkpoint.protocol)
    state = content.get("model", content.get("state_dict", content)) if isinstance(content, dict) else content
    named = state if isinstance(state, dict) else {}
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    own, architecture = segmenter.backbone.published(tensors), segmenter.architecture
    if own is not None:
        pixels = own.pixels or architecture.pixels
        return Start(path, own.tensors, own.origin, architecture.backbone, pixels, {}, parts=("backbone",))
    start = recognise(path, tensors)
    if start is None:
        got = f"names {', '.join(map(str, list(named)[:4]))}, ..." if named else type(state).__name__
        known = ", ".join(["a checkpoint of dadist", *(family.origin for family in FAMILIES)])
        raise ValueError(f"{path}: expected one of: {known}; got {got}; put another file there")
    return start


def _ours(content: Any) -> bool:
    """Whether what a file holds has the layout that ``save`` writes."""
    parts = ("architecture", "weights", "protocol", "frame", "settings")
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and isinstance(content.get("inverse_depth"), float)
        and all(isinstance(content.get(part), dict) for part in parts)
    )


def _architecture(content: Any) -> Architecture:
    """The architecture in a file, lists back to tuples; TypeError for unknown or missing fields."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    return Architecture(**{**fields, "classes": ClassSet.from_json(json.dumps(content["classes"]))})


def _frame(content: Any) -> Frame:
    """The frame in a file; TypeError for unknown or missing fields."""
    return Frame(**{**content, "original": tuple(content["original"])})
