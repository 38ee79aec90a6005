"""What the user brings: data sets, lists of images, weights. All that is missing is told before anything runs."""

from collections.abc import Callable
from pathlib import Path

from dadist.config.schema import Study
from dadist.data.inventory import Inventory
from dadist.data.readers.listing import chosen
from dadist.data.snapshot import Snapshot
from dadist.pipeline import paths, runs
from dadist.pipeline.estimates import estimate_named, of_the_user
from dadist.pipeline.inputs import split_named
from dadist.pipeline.runs import Run
from dadist.pipeline.splits import reader


class UserFiles:
    """The files of one planning, which goes on without those that are missing, so that all are told at once.

    Args:
        study: The whole configuration.
        warn: Takes a line for whoever plans.

    Attributes:
        absent: Paths of what is missing, in the order that they were asked for.
    """

    def __init__(self, study: Study, warn: Callable[[str], None]) -> None:
        self.study, self.warn = study, warn
        self.absent: list[str] = []
        self._fingerprints: dict[str, str | None] = {}

    def root(self, split: str) -> list[str]:
        """Folder of the data set that a split is prepared from: rendered, or the user's."""
        return self._root(split_named(self.study, split).domain)

    def root_to_estimate(self, estimate: str) -> list[str]:
        """The same of the images that depth files are made of."""
        return self._root(estimate_named(self.study, estimate).domain)

    def _root(self, domain: str) -> list[str]:
        folder = paths.place(self.study, self.study.domains[domain].root)
        if paths.is_output(folder) or Path(folder).is_dir():
            return [folder]
        return self._note(folder, reader(self.study, domain).shipped, f"domains.{domain}.root")

    def names(self, split: str) -> list[str]:
        """The text file that names the images of a split, if its domain has one."""
        found = split_named(self.study, split)
        return self._names(found.domain, found.plan["split"])

    def names_to_estimate(self, estimate: str) -> list[str]:
        """The same of the images that depth files are made of."""
        found = estimate_named(self.study, estimate)
        return self._names(found.domain, found.split)

    def _names(self, domain: str, split: str) -> list[str]:
        found = paths.names(self.study, domain, split)
        return [found] if found else []

    def network(self, estimate: str) -> list[str]:
        """The ONNX file of the network that makes depth files."""
        found = estimate_named(self.study, estimate)
        file = paths.place(self.study, self.study.depth_networks[found.network].file)
        if Path(file).is_file():
            return [file]
        expected = "a monocular depth network as an ONNX file (docs/own_data.md)"
        return self._note(file, expected, f"depth_networks.{found.network}.file")

    def init(self, run: Run) -> list[str]:
        """The weights that the first round of a method starts from, if a file holds them."""
        if parent := runs.parent(self.study, run):
            return [paths.model(parent)]
        name = runs.start(self.study, run.setting, run.method)
        if name in runs.WITHOUT_FILE:
            return []
        file = paths.place(self.study, name)
        if Path(file).is_file():
            return [file]
        expected = "weights to start from; or set the key to random, pretrained or a method"
        own = self.study.settings[run.setting].objectives[run.method].start
        key = f"objectives.{run.method}.start" if own else "start"
        return self._note(file, expected, f"settings.{run.setting}.{key}")

    def fingerprint(self, split: str) -> str | None:
        """Of names, sizes and times of the files of a split: Snakemake sees their folder alone.

        None for rendered streets, which have triggers of their own, and for what cannot be read: that is left to the
        stage, which says what is wrong.
        """
        found, root, names = split_named(self.study, split), self.root(split), self.names(split)

        def look(folder: Path) -> Snapshot:
            plan, lists = of_the_user(self.study, found), Path(names[0]) if names else None
            return Inventory(reader(self.study, found.domain), folder, plan, lists)

        return self._fingerprint(split, root, look)

    def fingerprint_to_estimate(self, estimate: str) -> str | None:
        """The same of the images that depth files are made of."""
        found, root = estimate_named(self.study, estimate), self.root_to_estimate(estimate)
        names = self.names_to_estimate(estimate)

        def look(folder: Path) -> Snapshot:
            scenes = reader(self.study, found.domain).files(folder, found.split, labels=False, depth=False)
            return Snapshot(chosen(scenes, Path(names[0]), folder) if names else scenes, folder)

        return self._fingerprint(estimate, root, look)

    def _fingerprint(self, name: str, root: list[str], look: Callable[[Path], Snapshot]) -> str | None:
        if not root or paths.is_output(root[0]):
            return None
        if name not in self._fingerprints:  # tens of thousands of files
            try:
                self._fingerprints[name] = look(Path(root[0])).fingerprint()
            except (ValueError, OSError) as error:
                self.warn(f"{name}: {error}")
                self._fingerprints[name] = None
        return self._fingerprints[name]

    def _note(self, path: str, expected: str, key: str) -> list[str]:
        if path not in self.absent:
            self.absent.append(path)
            self.warn(f"{path}: not there ({key}, from data_root on); expected there: {expected}")
        return []

    def refusal(self) -> str:
        """Why a run does not start while something is missing."""
        return f"not there: {', '.join(sorted(self.absent))}; what is expected there stands above"
