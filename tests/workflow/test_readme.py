"""Every command that README and most of docs/ show, as it stands there.

Plans are made of every line of Snakemake; those of the recipes run in full elsewhere: the demo in test_tiny.py and
.ci/run, the full study in test_miniatures.py, photographs in test_own_domain.py, the cluster in tests/slurm. What
needs models runs here on those of the tiny demo. docs/use.md (tests/cli), cluster.md (tests/slurm), speed.md
(tests/benchmarks) and extend.md (test_add_a_method.py) have tests of their own.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from sandbox import PAGE, ROOT, TARGETS, Sandbox

PAGES = (
    "README.md",
    *(f"docs/{page}.md" for page in ("study", "results", "own_data", "data_sets", "troubleshooting", "how_it_works")),
)
BLOCK = re.compile(r"^(?:<!-- (\w+) -->\n)?```(\w+)\n(.*?)^```", re.M | re.S)
CODE = re.compile(r"`((?:snakemake|dadist|python -m) [^`]*)`")
CI = {"run", "test"}  # blocks that .ci/run takes
MODEL = "results/demo/depth_distribution/seed1/q2/model.pt"
# Another test runs them, they need a terminal or the network, or they name no setting of their own.
ELSEWHERE = {
    "snakemake --unlock": "tests/slurm",
    "snakemake -n": "every plan here",
    "snakemake": "every plan here",
    "snakemake --report report.html": "below",
    "python -m tests.faults --kills 30": "tests/faults",
    "dadist init": "dadist init data/photos",
    "dadist doctor SETTING": "dadist doctor s2c16",
    "dadist plan SETTING": "dadist plan s2c16",
    "dadist plan demo --measure 24 --method METHOD": "tests/cost/test_plan.py",
    "python -m benchmarks data": "tests/benchmarks/test_data.py",
}
PLACES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
# What they end with where neither data set nor weights are.
ENDS = {"dadist doctor s2c16": 1}


def texts() -> list[str]:
    return [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]


def blocks(kind: str) -> list[str]:
    """The blocks of a language, but those that .ci/run takes."""
    return [text for page in texts() for name, is_a, text in BLOCK.findall(page) if is_a == kind and name not in CI]


def commands() -> list[str]:
    """A shell command each, those inside a sentence included; an echo goes with the line after it."""
    whole = [re.sub(r"^(echo .*?' > \w+\.yaml)\n", r"\1; ", block, flags=re.M | re.S) for block in blocks("sh")]
    lines = [line for block in whole for line in re.split(r"\n(?=snakemake|dadist|echo)", block.strip())]
    inside = [found for page in texts() for found in CODE.findall(BLOCK.sub("", page).replace("\n", " "))]
    return [line for line in dict.fromkeys([*lines, *inside]) if line not in ELSEWHERE]


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A clean clone with a folder of photographs, and nothing else."""
    sandbox = Sandbox(tmp_path_factory.mktemp("readme") / "run", {})
    (sandbox.folder / "data/photos").mkdir(parents=True)
    for index in range(2):
        shutil.copy(ROOT / "docs/demo.png", sandbox.folder / f"data/photos/{index}.jpg")
    (own,) = (text for page in texts() for name, _, text in BLOCK.findall(page) if name == "own")
    (sandbox.folder / "mine.yaml").write_text(own, encoding="utf-8")
    return sandbox


def test_the_pages_have_commands() -> None:
    assert {"run", "test", "own"} <= {name for page in texts() for name, _, _ in BLOCK.findall(page)}
    assert len(commands()) > 12


@pytest.mark.parametrize("line", [line for line in commands() if "snakemake" in line])
def test_snakemake_plans_it(planner: Sandbox, line: str) -> None:
    line = line if " -n " in line else line.replace("snakemake ", "snakemake -n ", 1)
    words = shlex.split(line, comments=True)
    answer = planner.forked(*words) if words[0] == "snakemake" else planner.run("bash", "-c", line)
    assert answer.returncode == 0, answer.stdout
    assert "Job stats" in answer.stdout, answer.stdout


def test_snakemake_s_own_report_has_the_page_and_the_captions(tiny: Sandbox) -> None:
    answer = tiny.snakemake(*TARGETS, PAGE, "--report", "report.html")
    assert answer.returncode == 0, answer.stdout
    text = (tiny.folder / "report.html").read_text(encoding="utf-8")
    for caption in (ROOT / "workflow/report").glob("*.rst"):
        first = next(line for line in caption.read_text(encoding="utf-8").splitlines() if line[:1].isalpha())
        assert re.split("[`*{]", first)[0].strip() in text, caption.name


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("dadist ") and "model.pt" not in line])
def test_dadist_answers(planner: Sandbox, tiny: Sandbox, line: str) -> None:
    where = tiny if "results/" in line else planner
    words = shlex.split(line)[1:]
    if words[0] == "init":
        words += ["--out", "begun.yaml"]  # mine.yaml is there already
    if words[0] == "run" and "--" not in words:
        words += ["--", "-n"]
    answer = where.forked("python", "-m", "dadist.cli.main", *words)
    assert answer.returncode == ENDS.get(line, 0), answer.stdout


def test_a_model_of_the_demo_predicts_tells_of_itself_and_is_exported(tiny: Sandbox) -> None:
    lines = [line for line in commands() if "model.pt" in line and line.startswith("dadist ")]
    assert lines == [f"dadist predict --model {MODEL} photos"]
    lines += [f"dadist info {MODEL}", f"dadist export --model {MODEL} --out model.onnx"]
    (tiny.folder / "photos").mkdir(exist_ok=True)
    image = next((tiny.folder / "results/streets/demo/cityscapes/leftImg8bit/val").rglob("*.png"))
    shutil.copy(image, tiny.folder / "photos/street.jpg")
    for line in lines:
        answer = tiny.forked("python", "-m", "dadist.cli.main", *shlex.split(line)[1:])
        assert answer.returncode == 0, answer.stdout
    assert {path.name for path in (tiny.folder / "predictions").iterdir()} >= {"overlay", "ids", "depth"}
    assert (tiny.folder / "model.onnx").is_file()
    code = f'import dadist; print(dadist.load("{MODEL}").predict("photos/street.jpg").labels.shape)'
    answer = tiny.run("python", "-c", code)
    assert answer.stdout.strip() == "(32, 64)"


@pytest.mark.parametrize("page", PLACES)
def test_links_and_pictures_are_there(page: str) -> None:
    for place in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert "://" in place or (ROOT / page).parent.joinpath(place).exists(), place
    for inner in re.findall(r"`((?:dadist|docs|tests|workflow|profiles)/[\w/.]+)`", (ROOT / page).read_text("utf-8")):
        assert (ROOT / inner).exists() or inner.startswith("profiles/mine/"), inner  # a copy, by the page's own command


def anchors(page: Path) -> set[str]:
    """What a link may name after #: the headings of a page, as they are made into addresses."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PLACES)
def test_a_link_to_a_heading_finds_it(page: str) -> None:
    for place, heading in re.findall(r"\]\(([^):]*)#([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        target = (ROOT / page).parent / place if place else ROOT / page
        assert heading in anchors(target), f"{place}#{heading}"


def test_the_readme_fits_two_screens_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
