"""Studies for tests that plan: what ships with a change laid over it, as `--configfile` does."""

from typing import Any

from sandbox import configuration, merged

from dadist.config import load
from dadist.config.schema import Study


def study(change: dict[str, Any] | None = None) -> Study:
    """Of the whole configuration, changed."""
    return load.study(merged(configuration(), change or {}))


def demo(**keys: Any) -> Study:
    """The same with keys of the demo changed."""
    return study({"settings": {"demo": keys}})


def published(presets: dict[str, dict[str, Any] | None], **keys: Any) -> Study:
    """The same, each of some methods published with a preset of its own; None: with nothing."""
    named = {method: None if over is None else [f"theirs_{method}"] for method, over in presets.items()}
    own = {f"theirs_{method}": over for method, over in presets.items() if over is not None}
    return study({"presets": own, "settings": {"demo": {"published": named, **keys}}})
