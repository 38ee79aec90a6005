"""ONNX Runtime, which is installed for what asks for it alone."""

import importlib
import os
from typing import Any


def onnx_runtime(*beside: str) -> Any:
    """ONNX Runtime as a module, kept from reporting its use to its maker, as it does by default on Linux too.

    It heeds the variable only before it is first imported, so nothing imports it in another way.

    Args:
        beside: Packages that whoever asks needs as well.

    Raises:
        ValueError: It, or one of the others, is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        for package in beside:
            importlib.import_module(package)
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ValueError(
            f"expected the packages of the extra 'export', found no {error.name}; "
            f"pip install {' '.join((*beside, 'onnxruntime'))}"
        ) from error


def onnx_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: classes that have no base of their own."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    return tuple(one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception))
