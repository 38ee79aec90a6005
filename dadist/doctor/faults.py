"""The faults by name, and a finding: one of them in one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from dadist.data.readers.base import WrongPackageError
from dadist.data.readers.content import NoFileError
from dadist.storage.errors import DamagedError

Level = Literal["error", "warning"]


class Fault(NamedTuple):
    """A kind of fault."""

    level: Level
    remedy: str  # where what found it has no better one
    of_file: bool = False  # whether one file has it, which can be left out


AGAIN = "copy or download the file again"
# Names are stable: scripts may look for them.
FAULTS: dict[str, Fault] = {
    # what is there
    "missing-folder": Fault("error", "unpack the data set there, or correct `root` of the domain"),
    "missing-files": Fault("error", "the copy is not complete: unpack it again"),
    "wrong-package": Fault("error", "take the package that the reader reads"),
    "other-data-set": Fault("error", "take the reader of that data set, or describe it with `dataset: folder`"),
    "other-names": Fault(
        "warning", "if its ids are not those of Cityscapes, describe it with `dataset: folder` and its own `ids`"
    ),
    "bad-data-set": Fault("error", "correct the keys of the domain, or take another package"),
    "bad-list": Fault("error", "correct `lists` of the domain"),
    "case-differs": Fault("error", "rename the file: upper and lower case are different files"),
    "duplicate-name": Fault("error", "a scene's name must be its own: rename one"),
    "symlink-loop": Fault("error", "remove the link", of_file=True),
    "dangling-link": Fault("error", "mend the link, or copy the file itself", of_file=True),
    "not-a-file": Fault("error", "remove what stands in the file's place, and copy the file", of_file=True),
    "split-overlap": Fault("error", "remove the image from one of the splits: what is trained on cannot validate"),
    "count": Fault("warning", "unpack the archives again if that is not on purpose"),
    "duplicate-stem": Fault("warning", "remove the one that is not the data set's"),
    "empty-folder": Fault("warning", "unpack it again, or remove the folder"),
    "unused-file": Fault("warning", "copy what belongs to it, or ignore it if that is on purpose"),
    # files by their headers
    "unreadable-file": Fault("error", "give yourself the right to read it, or copy it again", of_file=True),
    "empty-file": Fault("error", AGAIN, of_file=True),
    "truncated-file": Fault("error", AGAIN, of_file=True),
    "damaged-file": Fault("error", AGAIN, of_file=True),
    "image-format": Fault("error", "take the files as shipped", of_file=True),
    "labels-format": Fault("error", "take the files as shipped", of_file=True),
    "depth-format": Fault("error", "take the files as shipped", of_file=True),
    "aspect": Fault("warning", "choose another size, or `fit: pad`"),
    "size-mismatch": Fault("error", "the two are not of one scene or one was resized: copy both again", of_file=True),
    "swapped-folders": Fault("error", "exchange the folders of images and labels"),
    # what the sample holds
    "unknown-ids": Fault(
        "error", "labels of another data set or already mapped? take the files as shipped", of_file=True
    ),
    "train-ids": Fault("error", "take the raw ids as shipped (Cityscapes: *_labelIds.png): they are mapped here"),
    "no-labels": Fault("error", "the labels are not of this data set, or the class set holds none of its labels"),
    "image-is-labels": Fault("error", "a copy went to the wrong folder: copy both again"),
    "depth-empty": Fault("error", AGAIN, of_file=True),
    "depth-constant": Fault("error", "make or copy the file again", of_file=True),
    "mostly-ignored": Fault("warning", "look at the picture: are labels and class set those that you mean?"),
    "class-unseen": Fault("warning", "a class without pixels is not learned; a larger sample may find it"),
    "depth-upside-down": Fault("warning", "take the depth files as they are shipped"),
    "depth-unit": Fault("warning", "the reader must give centimetres: take the files as shipped"),
    "depth-range": Fault("warning", "look at the picture: is this a street, and the unit the right one?"),
    "depth-holes": Fault(
        "warning", "look at the picture: is depth missing, or was it damaged? What is 0 or no number is no depth"
    ),
    "grey-image": Fault("warning", "a network that is trained on colours sees less in it: is it an image?"),
    # where prepared arrays go
    "disk-full": Fault(
        "error", "free some space, prepare fewer or smaller images, or put the folder of results on a larger disk"
    ),
    "not-writable": Fault("error", "give yourself the right to write there, or work in another folder"),
    "no-memory-map": Fault(
        "error", "put the folder of results on a disk of another kind: prepared arrays are mapped into memory"
    ),
}


@dataclass(frozen=True)
class Finding:
    """A fault in a file or folder."""

    fault: str  # a name of FAULTS
    file: str
    what: str  # "expected …, got …"
    remedy: str
    alike: int = 0  # how many files more have it
    left_out: bool = False  # whether `prepare` does without, as it does without the scene of a bad file

    @property
    def level(self) -> Level:
        """How bad it is: an error stops `prepare`."""
        return "warning" if self.left_out else FAULTS[self.fault].level

    @property
    def message(self) -> str:
        """As errors are told."""
        return f"{self.file}: {self.what}; {self.remedy}"

    def __str__(self) -> str:
        return f"{self.level}  {self.fault}  {self.message}"


def finding(fault: str, file: Path | str, what: str) -> Finding:
    """A finding with the remedy of the table."""
    return Finding(fault, str(file), what, FAULTS[fault].remedy)


def error_finding(fault: str, error: Exception, alike: int = 0) -> Finding:
    """A finding from a reader's message, ``file: expected …, got …; remedy``; so many more files are ``alike``."""
    head, _, remedy = str(error).partition("; ")
    file, _, what = head.partition(": expected")
    if isinstance(error, DamagedError):
        fault = "damaged-file"
    if isinstance(error, NoFileError):
        fault = "not-a-file"
    more = f" (and {alike} more of this kind)" if alike else ""
    return Finding(fault, file, f"expected{what}{more}", remedy or FAULTS[fault].remedy, alike)


def not_found(error: Exception) -> Finding:
    """What a reader ended with: is a file missing, or there under another name or as another thing?"""
    if isinstance(error, WrongPackageError):
        return error_finding("wrong-package", error)
    if isinstance(error, ValueError):
        return error_finding("bad-data-set", error)
    path = Path(str(error).partition(": expected")[0])
    if path.is_symlink() and not path.exists():
        return link(path)
    if path.exists() and path.suffix:
        return finding("not-a-file", path, "expected a file, got none")
    beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    if alike := next((one for one in beside if one != path and one.name.casefold() == path.name.casefold()), None):
        return finding("case-differs", alike, f"expected the name {path.name}, got {alike.name}")
    return error_finding("missing-files" if path.suffix or path.exists() else "missing-folder", error)


def link(path: Path) -> Finding:
    """A link that leads nowhere."""
    try:
        path.stat()
    except FileNotFoundError:
        return finding("dangling-link", path, f"expected a file, got a link to {path.readlink()}, which is not there")
    except OSError:
        pass
    return finding("symlink-loop", path, "expected a file, got a link that leads back to itself")
