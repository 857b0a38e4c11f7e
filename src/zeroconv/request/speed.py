"""How much one gives up for speed."""

from typing import Literal, get_args

from zeroconv.errors import UserError, nearest

Speed = Literal["exact", "balanced", "fast"]


def check_speed(speed: object) -> Speed:
    """exact, balanced or fast; UserError for anything else."""
    if speed not in get_args(Speed):
        raise UserError(f"unknown speed {speed!r}; {nearest(str(speed), get_args(Speed))}")
    return speed  # type: ignore[return-value]
