"""What somebody asks for by name: a setting, and files of a study."""

import re
from collections.abc import Iterable

from dadist.config.names import RESERVED
from dadist.config.records import ConfigError, hint
from dadist.config.schema import Setting, Study
from dadist.pipeline.paths import RESULTS, TABLES
from dadist.pipeline.runs import base_of, bases, variants
from dadist.registry import METHODS

_OURS = re.compile(
    rf"{RESULTS}(?P<setting>[^/]+)/(?:(?:{'|'.join(TABLES)})\.csv|report/index\.html|(?P<method>[^/]+)/seed\d+/(?P<round>q\d+)/.+)"
)


def setting_named(study: Study, name: str) -> Setting:
    """A setting or variant.

    Raises:
        ConfigError: There is none of that name, or something in it is wrong.
    """
    try:
        return study.settings[name]
    except KeyError:
        base = base_of(study, name)
        known = bases(study) if base is None else variants(study, base)
        raise ConfigError(f"{name}: unknown setting{hint(name, known)}") from None


def check(study: Study, words: Iterable[str]) -> None:
    """Words of a command line. Those of other shapes than our files are left alone: options, or files of other rules.

    Raises:
        ConfigError: No setting, method or round has the name in a path that is otherwise one of ours.
    """
    for target in words:
        if not (found := _OURS.fullmatch(target)) or found["setting"] in RESERVED:
            continue
        try:
            last = len(setting_named(study, found["setting"]).selftrain.rounds)
            if found["method"] and found["method"] not in METHODS:
                raise ConfigError(f"{found['method']}: unknown method{hint(found['method'], METHODS)}")
            if found["round"] and int(found["round"][1:]) > last:
                raise ConfigError(f"expected q0 to q{last}, got {found['round']}; add rounds to `selftrain.rounds`")
        except ConfigError as error:
            raise ConfigError(f"{target}: {error}") from None
