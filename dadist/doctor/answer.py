"""What the doctor found, for a person and for a script."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from dadist.doctor import Report
from dadist.doctor.histograms import Histogram

TOLD = ("level", "fault", "file", "what", "remedy")  # of a finding, for a script
SHOWN = 5  # findings of one name that are printed of one part; the JSON has all


def as_lines(
    report: Report, notes: Sequence[str], picture: Path, titles: dict[str, str], histograms: Sequence[str]
) -> str:
    """One line per finding, then what was looked at; of one name and part, the first few."""
    lines = [f"note  {note}" for note in notes]
    for found in report.findings.values():
        count: dict[str, int] = {}
        for one in found:
            count[one.fault] = count.get(one.fault, 0) + 1
            if count[one.fault] <= SHOWN:
                lines.append(str(one))
        lines += [f"… and {many - SHOWN} more {fault}" for fault, many in count.items() if many > SHOWN]
    lines += histograms
    for part, title in titles.items():
        lines.append(f"{title}: {report.images[part]} images, {len(report.seen[part])} of them read")
    warnings = sum(len(found) for found in report.findings.values()) - report.errors
    lines.append(f"prepare has {report.need_bytes / 1e9:.3g} GB to write; picture: {picture}")
    lines.append(f"{report.errors} errors, {warnings} warnings")
    return "\n".join(lines) + "\n"


def as_json(report: Report, notes: Sequence[str], picture: Path, histograms: Mapping[str, Histogram]) -> str:
    """One object with all findings, and what was looked at."""
    findings = [
        {"part": part, **{name: getattr(one, name) for name in TOLD}}
        for part, found in report.findings.items()
        for one in found
    ]
    whole = {
        "depth": {part: asdict(one) for part, one in histograms.items()},
        "errors": report.errors,
        "findings": findings,
        "images": report.images,
        "need_bytes": report.need_bytes,
        "notes": notes,
        "picture": str(picture),
    }
    return json.dumps(whole, indent=1) + "\n"
