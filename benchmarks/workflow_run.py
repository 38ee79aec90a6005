"""The workflow in a folder of its own: a benchmark finds nothing made there, and leaves nothing behind."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SNAKEFILE = "Snakefile"


def snakemake(folder: Path, asked: argparse.Namespace, *words: str, over: Mapping[str, Any] | None = None) -> list[str]:
    """The command that runs the workflow of the current folder in another.

    Args:
        folder: Where all is made; gets a copy of the settings.
        asked: `settings`, the file of the study, and what the user lays over it: `configfile`, `config`.
        words: Targets, then options.
        over: Laid over all of these.
    """
    if not Path(SNAKEFILE).is_file():
        raise FileNotFoundError(f"{SNAKEFILE}: expected the workflow, found none; run this beside the Snakefile")
    shutil.copy(asked.settings, folder)
    (folder / "over.json").write_text(json.dumps(over or {}), encoding="utf-8")
    files = [*(str(Path(file).resolve()) for file in asked.configfile), str(folder.resolve() / "over.json")]
    command = [sys.executable, "-m", "snakemake", *words, "--snakefile", str(Path(SNAKEFILE).resolve())]
    command += ["--directory", str(folder.resolve()), "--configfile", *files]
    return [*command, "--config", *asked.config] if asked.config else command
