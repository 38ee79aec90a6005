"""The long form: play every scenario, kill the study many times, and compare what comes out with an untouched one."""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests import one another by name

from faults.scenarios import SCENARIOS
from faults.victim import METHOD, Victim, harried


def main() -> None:
    """Every scenario; then whole studies from nothing, until as many kills have hit as were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--span", type=float, default=20.0, help="seconds after the start that a kill comes at the latest"
    )
    parser.add_argument("--length", type=int, default=16, help="of the trainings: 1 is a few seconds each")
    parser.add_argument("--method", default=METHOD, help="that is trained and goes through a round: %(default)s")
    asked = parser.parse_args()
    hits, studies = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Victim(Path(folder) / "whole", asked.length, method=asked.method)
        answer = whole.snakemake(*whole.tables)
        assert answer.returncode == 0, answer.stdout
        expected = whole.products()
        for scenario, study in SCENARIOS.items():
            victim = study(whole, Path(folder) / scenario.__name__, asked.length)
            scenario(victim)
            verdict = "the same bits" if victim.products() == whole.products(victim.rounds) else "DIFFERENT"
            print(f"{scenario.__name__}: {verdict}; left over: {victim.rest()}", flush=True)  # noqa: T201
            assert verdict == "the same bits"
            assert not victim.rest()
        while hits.total() < asked.kills:
            victim = Victim(Path(folder) / f"victim{studies}", asked.length, method=asked.method)
            hits += harried(victim, asked.kills - hits.total(), asked.seed + studies, asked.span)
            text = victim.transcript.read_text(encoding="utf-8", errors="replace")
            different = [name for name, content in victim.products().items() if content != expected.get(name)]
            missing = sorted(expected.keys() - victim.products().keys())
            went_on = text.count("going on from step")
            verdict = "the same bits" if not different and not missing else f"DIFFERENT {different} MISSING {missing}"
            print(f"study {studies}: {hits.total()} kills so far, {went_on} trainings went on, {verdict}", flush=True)  # noqa: T201
            if different or missing or victim.rest():
                kept = Path(tempfile.mkdtemp()) / "victim"
                shutil.copytree(victim.folder, kept)
                raise SystemExit(f"left over: {victim.rest()}; the folder is kept as {kept}")
            studies += 1
    print(f"{studies} studies; " + ", ".join(f"{number} x {kind}" for kind, number in sorted(hits.items())))  # noqa: T201


if __name__ == "__main__":
    main()
