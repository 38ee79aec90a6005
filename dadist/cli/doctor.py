"""`dadist doctor`: whether a setting's data sets are what they should be."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dadist.cli.study import as_snakemake, config_parser, read_study
from dadist.config.schema import Study
from dadist.pipeline import paths

if TYPE_CHECKING:
    from dadist.doctor import Split


def doctor(words: Sequence[str]) -> int:
    """Is my data all right? Checks every file of a setting's data sets, and reads a sample of them."""
    parser = config_parser("doctor", doctor)
    parser.add_argument("setting", help="name of a setting")
    parser.add_argument("--sample", type=int, default=24, help="images per split to decode (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of the sample (%(default)s)")
    parser.add_argument("--workers", type=int, default=8, help="threads (%(default)s)")
    parser.add_argument("--picture", type=Path, help=f"PNG to draw the sample on ({paths.doctor('SETTING')})")
    parser.add_argument("--rows", type=int, default=3, help="images per split to draw (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines")
    asked = parser.parse_args(words)
    study = read_study(asked.configfile, asked.config, asked.setting)

    from dadist.doctor import examine
    from dadist.doctor.answer import as_json, as_lines
    from dadist.doctor.histograms import as_table, measure
    from dadist.doctor.picture import draw

    splits, titles, unmade = _splits(study, asked.setting)
    waiting = [
        f"{', '.join(parts)}: expected rendered streets in {root}, found none; "
        f"`{shlex.join(as_snakemake([root], asked))}` first"
        for root, parts in unmade.items()
    ]
    if not splits:
        raise FileNotFoundError("; ".join(waiting))
    report = examine(splits, sample=asked.sample, seed=asked.seed, workers=asked.workers)
    picture = asked.picture or Path(paths.doctor(asked.setting))
    chosen = study.settings[asked.setting]
    classes, depth = chosen.classes, measure(report.seen, chosen.inverse_depth)
    seen = {titles[name]: seen for name, seen in report.seen.items()}
    try:
        draw(seen, classes, picture, asked.rows, depth, chosen.inverse_depth)
    except OSError as error:
        waiting.append(
            f"{picture}: expected to write the picture there, got {error.strerror}; name another by --picture"
        )
    notes = [*waiting, *classes.asymmetries([split.reader.dataset for split in splits.values()])]
    if asked.json:
        sys.stdout.write(as_json(report, notes, picture, depth))
    else:
        table = as_table(depth, chosen.inverse_depth, encoding=sys.stdout.encoding)
        sys.stdout.write(as_lines(report, notes, picture, titles, table))
    return int(report.errors > 0)


def _splits(study: Study, setting: str) -> tuple[dict[str, "Split"], dict[str, str], dict[str, list[str]]]:
    """The parts of a setting as the doctor takes them, their titles, and folder → parts that are not rendered yet."""
    from dadist.doctor import Split
    from dadist.pipeline import estimates
    from dadist.pipeline import splits as prepared

    splits, titles = dict[str, Split](), dict[str, str]()
    unmade: dict[str, list[str]] = {}
    for which, split in prepared.prepared_splits(study, setting).items():
        if split is None:  # a target without labels: there is nothing to validate on
            continue
        reader, plan = estimates.as_it_stands(study, split)
        root = paths.place(study, study.domains[split.domain].root)
        names = paths.names(study, split.domain, split.plan["split"])
        if paths.is_output(root) and not Path(root).is_dir():
            unmade.setdefault(root, []).append(which)
            continue
        # Rendered streets are as many as `render` says, and a list takes what it names.
        shipped = None if paths.is_output(root) else reader.counts.get(split.plan["split"])
        folder = Path(paths.data(split.name))
        domain, listed = study.domains[split.domain], Path(names) if names else None
        depth = which == "train" and domain.unlabelled_depth and not domain.depth_network
        splits[which] = Split(reader, Path(root), plan, listed, folder, shipped, depth)
        titles[which] = f"{which}: {split.domain}, {split.plan['split']!r} in {root}"
    return splits, titles, unmade
