"""ControlNet for text-to-image diffusion models: train, use, compose and measure spatial control.

The public names are imported when they are first used: `import zeroconv` alone loads neither torch nor diffusers.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroconv.base import BaseModel, load_base
    from zeroconv.control import Control, ControlNet, Text
    from zeroconv.errors import UserError
    from zeroconv.generate import generate
    from zeroconv.request import ControlRequest, Request
    from zeroconv.weights import Sidecar, as_diffusers, load, load_with_sidecar, save
    from zeroconv.weights.describe import describe

__version__ = "0.1.0"

_HOME = {
    "BaseModel": "base",
    "Control": "control",
    "ControlNet": "control",
    "ControlRequest": "request",
    "Request": "request",
    "Sidecar": "weights",
    "Text": "control",
    "UserError": "errors",
    "as_diffusers": "weights",
    "describe": "weights",
    "generate": "generate",
    "load": "weights",
    "load_base": "base",
    "load_with_sidecar": "weights",
    "save": "weights",
}

__all__ = [
    "BaseModel",
    "Control",
    "ControlNet",
    "ControlRequest",
    "Request",
    "Sidecar",
    "Text",
    "UserError",
    "as_diffusers",
    "describe",
    "generate",
    "load",
    "load_base",
    "load_with_sidecar",
    "save",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the file it lives in (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'zeroconv' has no attribute {name!r}")
    return getattr(import_module(f"zeroconv.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """`zeroconv.generate` is the function, also once the file of the same name has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
