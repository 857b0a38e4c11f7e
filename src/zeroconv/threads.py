"""The flag --threads of the commands that compute for long."""

from typing import Any

import torch

from zeroconv.errors import UserError


def add_threads_flag(group: Any, what: str) -> None:
    """--threads of a parser or a group of it; what: as "train"."""
    text = f"processor threads that {what} (default: torch decides)"
    group.add_argument("--threads", type=int, metavar="N", help=text)


def use_threads(count: int | None) -> None:
    """Lets torch use so many threads; None: as many as it likes."""
    if count is None:
        return
    if count < 1:
        raise UserError(f"--threads must be at least 1; got {count}")
    torch.set_num_threads(count)
