"""The watch over target labels, which `Sandbox.watch` copies into a sandbox as ``sitecustomize.py``.

Python imports a module of that name as it starts, so every Python process of a workflow, Snakemake included, notes
each file that it opens and each folder that it lists, and stops where it touches a label that is not for it. Only what
lies beside the sandbox or in it is noted. Files that libraries open by themselves do not pass here: test_house.py
keeps those functions out of the package.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

# The actor that exists where a domain says that its unlabelled images have depth, for methods that learn from that.
DEPTH = "prepare train with depth"

# Who may touch what, by the first pattern that fits: a rule's stage; `prepare` with its split. `draw` shows the truth
# of a few validation images, `draw_prior` also counts which labels become right, `render` makes what it writes.
POLICY: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"/camera/train(/|$)"), ("prepare train", DEPTH, "render")),  # no label, and no depth
    (re.compile(r"/disparity/train(/|$)"), (DEPTH, "render")),
    (re.compile(r"/(gtFine|gtCoarse)/train(/|$)"), ()),
    (re.compile(r"/(gtFine|gtCoarse|disparity|camera)(/|$)"), ("prepare val", "render")),
    (re.compile(r"/train(ing)?/(v[^/]+/)?(labels|instances|panoptic)(/|$)"), ()),  # Mapillary Vistas
    (re.compile(r"/val(idation)?/(v[^/]+/)?(labels|instances|panoptic)(/|$)"), ("prepare val",)),
    (
        re.compile(r"/results/data/[^/]*-train-[^/]*-depth[^/]*/(.+/)?depth"),
        (DEPTH, "adapt", "align_depth", "pseudo_label", "draw_prior"),
    ),
    (re.compile(r"/results/data/[^/]*-train-[^/]*/(.+/)?(labels|depth)"), ()),
    (
        re.compile(r"/results/data/[^/]*-val-[^/]*/(.+/)?(labels|depth)"),
        ("prepare val", "evaluate", "weigh_prior", "draw", "draw_prior"),
    ),
)
EVENTS = ("open", "os.listdir", "os.scandir")
NOTES = "touched.jsonl"
STAGE = "DADIST_TEST_STAGE"  # for the processes that a stage starts


class Refused(BaseException):
    """Not an Exception: no handler of the package can pass over it."""


def who() -> str:
    """The stage that this process belongs to, or the program."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words else ""
    if module.startswith("dadist.stages."):
        stage = module.rpartition(".")[2]
        params = json.loads(words[words.index("--params") + 1]) if "--params" in words else {}
        plan = params.get("plan", {"split": "", "depth": False})
        actor = f"{stage} {plan['split']}".strip()
        os.environ[STAGE] = f"{actor} with depth" if f"{actor} with depth" == DEPTH and plan["depth"] else actor
    return os.environ.get(STAGE) or module or Path(next((word for word in words[1:] if word[0] != "-"), words[0])).name


def install(folder: Path) -> None:
    """Watch this process from here on; an audit hook cannot be taken back."""
    actor, beside, realpath, write = who(), f"{folder.parent}{os.sep}", os.path.realpath, os.write
    notes = os.open(folder / NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or isinstance(arguments[0], int):
            return
        given = os.fsdecode(arguments[0] or ".")
        path = realpath(given)  # labels stay labels under the name of a link
        # What is named from an open folder on, as shutil.rmtree does, has no path here; test_house.py forbids it, too.
        if not path.startswith(beside) or not (given.startswith(os.sep) or os.path.lexists(path)):
            return
        allowed = next((actors for pattern, actors in POLICY if pattern.search(path)), (actor,))
        note = {"actor": actor, "event": event, "path": path, "refused": actor not in allowed}
        write(notes, (json.dumps(note) + "\n").encode())  # a line at once, so that processes do not mix theirs
        if note["refused"]:
            raise Refused(f"{actor} touches {path}: target labels are for {' and '.join(allowed) or 'nobody'}")

    sys.addaudithook(watch)


if __name__ == "sitecustomize":
    install(Path(__file__).resolve().parent)
