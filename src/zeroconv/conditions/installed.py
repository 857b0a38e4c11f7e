"""Detectors that register from outside: modules of the entry point group `zeroconv.detectors`, found by name.

Conditions know nothing of the networks behind them: `scenes` reads pictures of the embedded world, `marigold` is a
diffusion model, and a package of yours can bring another of these names.
"""

from importlib.metadata import entry_points

from zeroconv.errors import UserError

GROUP = "zeroconv.detectors"


def detector(name: str) -> object:
    """The module that is registered under this name; UserError where none is."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise UserError(
            f"method={name} needs the package to be installed anew (pip install): the entry point {name!r} of the "
            f"group {GROUP!r} is missing"
        )
    return next(iter(found)).load()
