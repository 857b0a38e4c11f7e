"""The device that --device names, the same wherever a command takes one."""

import torch

from zeroconv.errors import UserError, nearest


def asked_device(name: str | None) -> torch.device:
    """The device of a name; None: the GPU where there is one. UserError for one that is not there."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}; {nearest(name, ('cpu', 'cuda', 'mps'))}") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, False):
        have = ", ".join(kind for kind, is_there in available.items() if is_there)
        raise UserError(f"this machine or this build of torch has no device {name}; available: {have}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"no device {name}; this machine has {torch.cuda.device_count()}, counted from cuda:0")
    return device
