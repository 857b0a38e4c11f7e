"""Where a detector's network runs: one option of every condition that has one."""

from typing import TYPE_CHECKING, Literal

from zeroconv.errors import UserError

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda", "mps"]
"""auto: cuda where there is one, else mps, else cpu."""


def find_device(name: Device) -> "torch.device":
    """The device of that name; UserError where this machine or its torch has none."""
    import torch

    present = [*_accelerators(), "cpu"]
    if name != "auto" and name not in present:
        raise UserError(
            f"device={name}: torch {torch.__version__} finds none here; expected auto or {' or '.join(present)}"
        )
    return torch.device(present[0] if name == "auto" else name)


def _accelerators() -> list[str]:
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, is_there in found.items() if is_there]
