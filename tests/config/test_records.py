import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from dadist.config.records import ConfigError, Record, key, parse


@dataclass(frozen=True)
class Inner(Record):
    steps: Annotated[int, key("Steps.", ge=1)]
    share: Annotated[float | None, key("A share.", ge=0, le=1)]
    seeds: Annotated[tuple[Annotated[int, key("A seed.", ge=0)], ...], key("Seeds.", min_length=1)]
    size: tuple[int, int]
    kind: Annotated[Literal["sgd", "adamw"], key("A kind.")]
    ids: dict[int, str | None]

    def __post_init__(self) -> None:
        if self.steps == 77:
            raise ConfigError("expected another number than 77", ("steps",))


@dataclass(frozen=True)
class Outer(Record):
    inner: Inner
    name: str


GOOD: dict[str, Any] = {
    "steps": 1,
    "share": None,
    "seeds": [1],
    "size": [4, 2],
    "kind": "sgd",
    "ids": {0: "road", 255: None},
}


def outer(**changes: Any) -> dict[str, Any]:
    return {"inner": {**GOOD, **changes}, "name": "x"}


def test_sound_data_become_records_and_a_whole_number_serves_as_a_float() -> None:
    found = parse(Outer, outer(share=1)).inner
    assert (found.seeds, found.size, found.ids) == ((1,), (4, 2), {0: "road", 255: None})
    assert isinstance(found.share, float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stesp": 3}, "demo.inner.stesp: unknown key; did you mean 'steps'?"),
        ({"qqqq": 3}, "demo.inner.qqqq: unknown key; known: ids, kind, seeds, share, size, steps"),
        ({"steps": 0}, "demo.inner.steps: expected at least 1, got 0"),
        ({"steps": 4.0}, "demo.inner.steps: expected a whole number, got 4.0"),
        ({"steps": True}, "demo.inner.steps: expected a whole number, got True"),
        ({"steps": "x"}, "demo.inner.steps: expected a whole number, got 'x'"),
        ({"steps": 77}, "demo.inner.steps: expected another number than 77"),
        ({"share": 1.5}, "demo.inner.share: expected 0 to 1, got 1.5"),
        ({"share": "1e-4"}, "demo.inner.share: expected a number, got '1e-4'"),
        ({"share": math.nan}, "demo.inner.share: expected a finite number, got nan"),
        ({"share": math.inf}, "demo.inner.share: expected a finite number, got inf"),
        ({"seeds": []}, "demo.inner.seeds: expected at least 1 of them, got []"),
        ({"seeds": 1}, "demo.inner.seeds: expected a list, got 1"),
        ({"seeds": [1, "x"]}, "demo.inner.seeds[1]: expected a whole number, got 'x'"),
        ({"seeds": [1, -1]}, "demo.inner.seeds[1]: expected at least 0, got -1"),
        ({"size": [24]}, "demo.inner.size: expected a list of 2, got [24]"),
        ({"size": [24, 1, 1]}, "demo.inner.size: expected a list of 2, got [24, 1, 1]"),
        ({"kind": "adam"}, "demo.inner.kind: expected one of sgd, adamw, got 'adam'"),
        ({"ids": []}, "demo.inner.ids: expected a section, got []"),
        ({"ids": {0: 7}}, "demo.inner.ids.0: expected text, got 7; put it in quotes"),
    ],
)
def test_a_wrong_key_is_told_by_its_whole_name_with_what_came(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse(Outer, outer(**changes), "demo")
    assert str(told.value) == message


def test_a_missing_section_and_one_that_is_none_are_told_apart() -> None:
    with pytest.raises(ConfigError, match=r"^inner: missing"):
        parse(Outer, {"name": "x"})
    with pytest.raises(ConfigError, match=r"^inner: expected a section with keys steps, share, .*, got 4$"):
        parse(Outer, {"inner": 4, "name": "x"})
