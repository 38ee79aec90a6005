"""A trained segmenter as a file: what it is, its weights, and how it came about."""

import dataclasses
import io
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dadist import provenance
from dadist.classes import ClassSet
from dadist.model.segmenter import Architecture, Segmenter

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Everything that evaluation, labelling and a later training need, in one file."""

    architecture: Architecture
    weights: dict[str, Tensor]  # state of the segmenter, on the CPU
    protocol: dict[str, str | int | float]  # how it was trained: data, sizes, seed, iterations, code digest, ...

    def save(self, path: Path) -> None:
        """Write the file atomically. Equal content gives equal bytes, whatever the name."""
        content = {
            "format": FORMAT,
            "architecture": json.loads(json.dumps(dataclasses.asdict(self.architecture))),  # plain lists for tuples
            # A copy, since a view would drag the whole of its storage into the file.
            "weights": {name: value.detach().cpu().clone() for name, value in self.weights.items()},
            "protocol": dict(self.protocol),
        }
        # In memory first: given a path, torch writes its name into the archive, and hides a full disk's OSError.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with provenance.atomic(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    @staticmethod
    def load(path: Path) -> "Checkpoint":
        """Read a file that ``save`` wrote, on the CPU; runs no code from it.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is broken or something else.
        """
        content, remedy = _read(path), "delete it and run its stage again"
        if not _ours(content):
            got = f"keys {sorted(map(str, content))[:4]}" if isinstance(content, dict) else type(content).__name__
            raise ValueError(f"{path}: expected a checkpoint of dadist, format {FORMAT}, got {got}; {remedy}")
        try:
            architecture = _architecture(content["architecture"])
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path}: expected an architecture this version knows, got {error}; {remedy}") from error
        return Checkpoint(architecture, content["weights"], content["protocol"])

    def segmenter(self) -> Segmenter:
        """The network with these weights, in evaluation mode; draws no random number.

        Raises:
            ValueError: If the weights do not fit the architecture.
        """
        with torch.device("meta"):
            segmenter = Segmenter(self.architecture)
        try:
            segmenter.load_state_dict({name: value.clone() for name, value in self.weights.items()}, assign=True)
        except RuntimeError as error:
            raise ValueError(f"checkpoint: expected the weights of {self.architecture}, got others: {error}") from error
        return segmenter.eval()


def restore(segmenter: Segmenter, weights: dict[str, Tensor], *, least: float) -> tuple[int, int]:
    """Copy every tensor whose name and shape the segmenter shares; start a training from another model.

    A name counts as shared also once ``backbone.`` stands before it or in place of its first part, so that published
    ResNet files (``conv1.weight``, ``Scale.conv1.weight``) fit.

    Args:
        segmenter: Changed in place.
        weights: Of another segmenter, or of a pretrained backbone.
        least: Share of the backbone's and classifier's tensors that must be found. A silent miss costs half the
            accuracy: users of these networks report 24 % for it.

    Returns:
        How many tensors of backbone and classifier were found, and how many there are.

    Raises:
        ValueError: If too few are found; nothing is copied then.
    """
    own = segmenter.state_dict()
    modules = {name for name in own if "." in name}  # not mean and deviation: those are the architecture's
    found = {}
    for name, value in weights.items():
        for alias in (name, f"backbone.{name}", f"backbone.{name.partition('.')[2]}"):
            if alias in modules and own[alias].shape == value.shape:
                found[alias] = value
                break
    # Old files carry no num_batches_tracked, and nothing depends on it.
    core = [name for name in own if name.startswith(("backbone.", "segmentation.")) and not name.endswith("_tracked")]
    matched = sum(name in found for name in core)
    if matched < least * len(core):
        missing = ", ".join([name for name in core if name not in found][:3])
        raise ValueError(
            f"weights: expected at least {least:.0%} of the {len(core)} tensors of backbone and classifier, "
            f"got {matched} (missing {missing}, ...); check that the file is for {segmenter.architecture.backbone}"
        )
    segmenter.load_state_dict({**own, **found})
    return matched, len(core)


def start_weights(path: Path) -> tuple[dict[str, Tensor], Checkpoint | None]:
    """Weights to start a training from, and the checkpoint they came in, if it is one of ours.

    Any other file has to be a plain state dict, as published ResNet files are: names to tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken or something else.
    """
    content = _read(path)
    if _ours(content):
        checkpoint = Checkpoint.load(path)
        return checkpoint.weights, checkpoint
    if not isinstance(content, dict) or not any(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path}: expected a checkpoint of dadist or a state dict, got {type(content).__name__}")
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}, None


def _read(path: Path) -> Any:
    """What a file of torch holds; runs no code from it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected weights, got no file; run the stage that makes it, or put it there")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: expected a checkpoint of dadist or a state dict, got an unreadable file ({reason}); "
            "delete it and run its stage again, or copy it again"
        ) from error


def _ours(content: Any) -> bool:
    """Whether what a file holds has the layout that ``save`` writes."""
    parts = ("architecture", "weights", "protocol")
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and all(isinstance(content.get(part), dict) for part in parts)
    )


def _architecture(content: Any) -> Architecture:
    """The architecture in a file, lists back to tuples; TypeError for unknown or missing fields."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    return Architecture(**{**fields, "classes": ClassSet.from_json(json.dumps(content["classes"]))})
