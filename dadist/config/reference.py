"""What is written from the declarations of the keys: config/schema.json for editors, and docs/config.md for people.

``python -m dadist.config.reference`` writes both; a test holds them to the declarations.
"""

import argparse
import dataclasses
import json
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dadist.config.depth_sections import DepthNetwork
from dadist.config.domains import reader_options
from dadist.config.files import ConfigFiles
from dadist.config.methods import hyperparameters
from dadist.config.records import limits_of
from dadist.config.schema import Ablation, Domain, Render, Setting
from dadist.config.sections import Monitor
from dadist.registry import DATASETS, METHODS

ROOT = Path(__file__).parents[2]
SCHEMA, PAGE = ROOT / "config/schema.json", ROOT / "docs/config.md"

HEAD = """# Every key of the configuration

Written by `python -m dadist.config.reference` from `dadist/config/`, where each key is declared once.

There are three layers. Each is laid over the one before, key by key:

1. the **defaults**: `config/defaults.yaml`, `config/methods/*.yaml`, and keys at the top level of
   `config.yaml` or of a file of yours;
2. the **presets** that a setting names, in their order: `config/presets/*.yaml`;
3. the setting's **own keys**: `config/settings/*.yaml`, or `settings` in `config.yaml`.

An unknown key is refused with the nearest one that is known. A message names the file that holds the mistake.

Sources of the defaults: **P** is [Wu & Liu, NeurIPS 2022][paper], paper and poster. **C** is its authors' code, where the
paper is silent or differs. **D** is this project's choice. **R** is what two public reimplementations agree on.
"Recalled" is a paper as remembered, not re-read.

[paper]: https://proceedings.neurips.cc/paper_files/paper/2022/hash/5c882988ce5fac487974ee4f415b96a9-Abstract-Conference.html
"""  # noqa: E501


def json_schema() -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of config.yaml and of every file below config/."""
    setting = _optional(_schema(Setting))
    keys = dict(setting["properties"])
    del keys["protocol"]
    keys["classes"] = {"type": ["string", "integer"], "description": "A class set by its name."}
    definitions = setting.pop("$defs", {})
    taken = {"presets": {"type": "array", "items": {"type": "string"}, "description": "Laid over the defaults."}}
    own = {"type": "object", "additionalProperties": False, "properties": {**taken, **keys}}
    preset = {"type": "object", "additionalProperties": False, "properties": keys}
    shared: dict[str, Any] = {
        "data_root": {"type": "string", "description": "Folder of data sets and weight files."},
        "render": _named(_optional(_schema(Render)), definitions),
        "depth_networks": _named(_optional(_schema(DepthNetwork)), definitions),
        "domains": _named({"anyOf": [_domain(dataset, definitions) for dataset in DATASETS]}, definitions),
        "class_sets": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object"}}},
        "presets": _named(preset, definitions),
        "ablation": _hoisted(_optional(_schema(Ablation)), definitions),
        "monitor": _hoisted(_optional(_schema(Monitor)), definitions),
        "settings": _named(own, definitions),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dadist: config.yaml and the files of config/",
        "type": "object",
        "additionalProperties": False,
        "properties": {**shared, **keys},
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema()


def _optional(schema: Any) -> Any:
    """A schema in which every key may be left out, as another layer sets it; without titles."""
    if isinstance(schema, list):
        return [_optional(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _optional(one) for key, one in value.items()}
        if name in ("properties", "$defs")
        else _optional(value)
        for name, value in schema.items()
        if name not in ("title", "required", "unit", "source")
    }


def _hoisted(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    definitions.update(schema.pop("$defs", {}))
    return schema


def _named(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A section from names to what the schema describes."""
    return {"type": "object", "additionalProperties": _hoisted(schema, definitions)}


def _domain(dataset: str, definitions: dict[str, Any]) -> dict[str, Any]:
    found = _hoisted(_optional(_schema(Domain)), definitions)
    own = _hoisted(_optional(_schema(reader_options(dataset))), definitions)
    keys = {**found["properties"], **own.get("properties", {}), "dataset": {"const": dataset}}
    del keys["options"], keys["network"]
    return {"type": "object", "additionalProperties": False, "properties": keys}


def page(defaults: Mapping[str, Any]) -> str:
    """docs/config.md: a table per section."""
    sections: list[tuple[str, Any, Any]] = [("Keys of a setting", Setting, defaults)]
    for name, kind in typing.get_type_hints(Setting).items():
        if dataclasses.is_dataclass(kind) and name in defaults:
            sections += _sections(name, kind, defaults[name])
    for name in METHODS:
        sections.append((f"objectives.{name}", hyperparameters(name), defaults["objectives"][name]))
    sections += [
        ("monitor", Monitor, defaults["monitor"]),
        ("ablation", Ablation, {}),
        ("render.NAME", Render, {}),
        ("render.NAME.appearance", typing.get_type_hints(Render)["appearance"], {}),
        ("depth_networks.NAME", DepthNetwork, {}),
        ("domains.NAME", Domain, {}),
    ]
    sections += [
        (f"domains.NAME with dataset: {name}", reader_options(name), {})
        for name in DATASETS
        if dataclasses.fields(reader_options(name))
    ]
    return HEAD + "".join(_table(title, kind, values) for title, kind, values in sections)


def _sections(name: str, kind: Any, values: Any) -> Iterator[tuple[str, Any, Any]]:
    yield name, kind, values
    for key, inner in typing.get_type_hints(kind).items():
        if dataclasses.is_dataclass(inner):
            yield from _sections(f"{name}.{key}", inner, values[key])


def _table(title: str, kind: Any, defaults: Mapping[str, Any]) -> str:
    said = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
    rows = []
    for name, declared in typing.get_type_hints(kind, include_extras=True).items():
        found = next((one for one in getattr(declared, "__metadata__", ()) if hasattr(one, "description")), None)
        if found is None or name == "objectives":
            continue
        extra = found.json_schema_extra
        default = f"`{json.dumps(defaults[name])}`" if name in defaults else ""
        meaning = f"{found.description} {_limits(declared)}".strip()
        unit = f" [{extra['unit']}]" if extra["unit"] else ""
        rows.append(f"| `{name}` | {default} | {meaning}{unit} | {extra['source']} |")
    if not rows:
        return ""
    head = "\n| key | default | meaning | source |\n|---|---|---|---|\n"
    return f"\n## {title}\n\n{said}\n{head}" + "".join(f"{row}\n".replace("|null", "\\|null") for row in rows)


def _limits(declared: Any) -> str:
    """The limits of a number in words; the values of a choice."""
    limits = limits_of(declared)
    each = typing.get_origin(typing.get_args(declared)[0]) is tuple
    words = [
        f"{word} {limits[name]}"
        for name, word in (("ge", "at least"), ("gt", "more than"), ("le", "at most"))
        if limits.get(name) is not None
    ]
    return f"({'each ' * each}{', '.join(words)})" if words else ""


def main() -> None:
    """Write docs/config.md and config/schema.json anew."""
    argparse.ArgumentParser("python -m dadist.config.reference", description=main.__doc__).parse_args()
    defaults = ConfigFiles.of(ROOT / "config", [ROOT / "config.yaml"]).merged()
    SCHEMA.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(defaults), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA}\n{PAGE}\n")


if __name__ == "__main__":
    main()
