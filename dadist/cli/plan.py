"""`dadist plan`: what a setting asks for, before it runs."""

import sys
from collections.abc import Sequence

from dadist.cli.study import config_parser, count_images, read_study
from dadist.config.records import ConfigError, hint


def plan(words: Sequence[str]) -> int:
    """What will it cost? Steps, epochs, FLOPs, memory, disk and time of a setting, before it runs."""
    parser = config_parser("plan", plan)
    parser.add_argument("setting", help="name of a setting")
    parser.add_argument("--device", help="a device by name; without it, this machine, measured within seconds")
    parser.add_argument("--measure", type=int, metavar="STEPS", help="train on noise for so many steps, and compare")
    parser.add_argument("--method", default="depth_distribution", help="to measure (%(default)s)")
    asked = parser.parse_args(words)
    study = read_study(asked.configfile, asked.config, asked.setting)
    if asked.method not in (known := study.settings[asked.setting].objectives):
        raise ConfigError(f"--method: unknown method {asked.method!r}{hint(asked.method, known)}")

    from dadist.cost import plan as accounting
    from dadist.model.inference import device

    if asked.device not in (None, *accounting.DEVICES):
        raise ValueError(f"--device: unknown device{hint(asked.device, accounting.DEVICES)}")
    setting = study.settings[asked.setting]
    named = accounting.DEVICES[asked.device] if asked.device else accounting.this_machine(setting, device())
    sys.stdout.write(accounting.plan(setting, count_images(study, asked.setting), named).table() + "\n")
    if asked.measure:
        sys.stdout.write("\n" + accounting.check(setting, asked.method, steps=asked.measure, device=device()) + "\n")
    return 0
