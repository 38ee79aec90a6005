"""Studies for tests that plan: config.yaml with a change laid over it, as `--configfile` does."""

from functools import cache
from typing import Any

import yaml
from sandbox import ROOT, merged

from dadist.config import load
from dadist.config.schema import Study


@cache
def _config() -> dict[str, Any]:
    whole: dict[str, Any] = yaml.load((ROOT / "config.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return whole


def study(change: dict[str, Any] | None = None) -> Study:
    """The whole of config.yaml, changed."""
    return load.study(merged(_config(), change or {}))


def demo(**keys: Any) -> Study:
    """The same with keys of the demo changed."""
    return study({"settings": {"demo": keys}})
