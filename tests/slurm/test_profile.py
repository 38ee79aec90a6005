"""The profile for clusters: GPUs for the rules that ask for one."""

import re

import yaml
from sandbox import ROOT

TEXT = (ROOT / "profiles/slurm/profile.yaml").read_text(encoding="utf-8")


def test_the_rules_that_the_profile_sends_to_gpus_are_those_that_ask_for_one() -> None:
    rules = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    asking = {re.match(r"\w+", one)[0] for one in rules.split("\nrule ")[1:] if "        gpu=" in one}
    assert set(yaml.safe_load(TEXT)["set-resources"]) == asking
