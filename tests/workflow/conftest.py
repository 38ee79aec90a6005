"""The tiny demo, run once for all tests that look at it, with a watch over the target's labels."""

import pytest
from sandbox import COMPONENTS, PAGE, TARGETS, TINY, Sandbox, tempt

SHOWN = "shown.txt"  # what the terminal had
STREETS = "results/streets/demo"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = Sandbox(tmp_path_factory.mktemp("tiny") / "run", TINY)
    sandbox.watch()
    answer = sandbox.snakemake(f"{STREETS}/synthia", f"{STREETS}/cityscapes")
    assert answer.returncode == 0, answer.stdout
    tempt(sandbox.folder / STREETS / "cityscapes")
    answer = sandbox.snakemake(*TARGETS, COMPONENTS, PAGE)
    assert answer.returncode == 0, answer.stdout
    (sandbox.folder / SHOWN).write_text(answer.stdout, encoding="utf-8")
    return sandbox
