"""losses.csv: how each term of a training went."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dadist.methods.base import Term
from dadist.runtime import distributed
from dadist.training.monitor import Observer, no_observer


class NotFiniteError(ValueError):
    """A loss is no longer a number."""


class LossLog:
    """Window means of the terms, as CSV: step, lr, then one column per term in the order of their first appearance.

    A window without a term leaves its place empty.
    """

    def __init__(self, path: Path, observer: Observer = no_observer) -> None:
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
        if distributed.first():
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
        if distributed.first():
            with self.path.open("w" if begun else "a", encoding="utf-8") as file:
                file.write(self.text if begun else f"{rows[-1]}\n")
        self.note = "  ".join(f"{name} {value:.3g}" for name, value in means.items())
        self.window.clear()
        self._settled.clear()
        if distributed.first():
            self.observer(step, means)

    def _means(self) -> dict[str, Tensor]:
        """The values of the window, each the mean over the processes; those that were once keep their bits."""
        for name, values in self.window.items():
            begin = self._settled.get(name, 0)
            if begin < len(values):
                values[begin:] = distributed.mean(torch.stack(values[begin:]))
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
            raise NotFiniteError(
                f"loss term '{name}': expected a finite number, got {value} "
                f"at step {step - len(self.window[name]) + index}; lower the optimiser's lr or the weight of this "
                f"term; the losses until then are in {self.path} (alarm loss_not_finite)"
            )
