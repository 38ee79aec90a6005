"""What a setting's network settles beside its keys: the pixels that its backbone takes, and its grid."""

from dataclasses import replace

from dadist.config.grid import SIDES, grid, known
from dadist.config.network_sections import Network
from dadist.config.records import ConfigError, hint
from dadist.config.schema import Setting
from dadist.config.timm_models import PREFIX, describe

KEYS = ("adapt", "network")


def settled(setting: Setting) -> Setting:
    """The setting with the name of its pixels in place of ``timm``, and its grid.

    Raises:
        ConfigError: The backbone is unknown or takes other pixels, or the setting says another grid.
    """
    network = setting.adapt.network
    if not known(network.backbone):
        raise ConfigError(f"unknown backbone{hint(network.backbone, SIDES)}, timm:NAME", (*KEYS, "backbone"))
    try:
        given = grid(network, setting.source.width, setting.source.height)
    except ValueError as error:
        raise ConfigError(str(error), (*KEYS, "backbone")) from None
    if setting.grid not in (None, given):
        assert setting.grid is not None
        raise ConfigError(
            f"expected {list(given)}, what {network.backbone} gives for {setting.source.width}x{setting.source.height}"
            f", got {list(setting.grid)}; set it so, or to null",
            ("grid",),
        )
    return replace(setting, grid=given, adapt=replace(setting.adapt, network=_with_pixels(network)))


def _with_pixels(network: Network) -> Network:
    path = (*KEYS, "pixels")
    if not network.backbone.startswith(PREFIX):
        if network.pixels == "timm":
            raise ConfigError(
                f"expected what the weights of {network.backbone} were trained with, such as imagenet, got timm", path
            )
        return network
    own = describe(network.backbone, network.stride).pixels
    if network.pixels not in ("timm", own):
        raise ConfigError(
            f"expected timm, which is {own} for {network.backbone}, got {network.pixels}; set it so", path
        )
    return replace(network, pixels=own)
