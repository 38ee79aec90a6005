"""What the build of a wheel adds to the package: the workflow, which stands beside the package in a clone."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("Snakefile", "config.yaml", "config", "workflow", "profiles")


class CustomBuildHook(BuildHookInterface):  # the name that hatchling looks for
    """Carries it in wheels alone: in an editable installation a copy would grow old, and hide the package's folder."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files before they are packed; ``version`` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"] |= {name: f"dadist/workflow/{name}" for name in CARRIED}
