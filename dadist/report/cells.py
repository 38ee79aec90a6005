"""Cells of tables that people open in a spreadsheet."""

from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # how a text begins that a spreadsheet may take for one


def no_formulas(rows: pd.DataFrame) -> pd.DataFrame:
    """The same, but for titles and texts that a spreadsheet would compute: they stand behind an apostrophe."""
    made = rows.rename(columns=_no_formula)
    for name in made.select_dtypes(exclude="number"):
        made[name] = made[name].map(_no_formula)
    return made


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
