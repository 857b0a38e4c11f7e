"""The best checkpoint so far and when to stop: both by the held-out control gain.

The loss of a locked base on the held-out examples never changes, so that the highest gain is the lowest held-out loss;
where the base is trained too, that loss decides, since a base that forgets would raise the gain. RUN/best holds
the ControlNet of that step. One that a better one replaces waits in RUN/states for as long as there is a saved
state from which the run might go on before the better one came: a killed run that is resumed has the best of its past.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from zeroconv.training.gain import GainPoint
from zeroconv.training.onset import Onset
from zeroconv.weights.sidecar import FILE

_WAITING = "best-"


def best_point(points: Sequence[GainPoint]) -> GainPoint | None:
    """The highest gain after the start (the lowest loss with control where the base's own has changed), the first
    where equal, among the measurements of today's held-out examples."""
    comparable = [point for point in points if point.step > 0 and point.examples == points[-1].examples]
    is_locked = len({point.without for point in comparable}) < 2
    return max(comparable, key=lambda point: point.gain if is_locked else -point.with_, default=None)


def is_exhausted(points: Sequence[GainPoint], onset: Onset | None, patience: int) -> bool:
    """Whether `patience` measurements in a row brought no better gain, all since control has set in; 0: never.

    Before the onset the gain is noise about zero, and waiting for it is what training is for.
    """
    best = best_point(points)
    if not patience or onset is None or best is None:
        return False
    return sum(point.step > max(best.step, onset.step) for point in points) >= patience


def keep_best(folder: Path, states: Path, step: int, save: Callable[[Path], object]) -> None:
    """Puts what `save` writes into `folder`, whole or not at all; what was there waits in `states`."""
    fresh = states / f"{_WAITING}{step:08d}"
    shutil.rmtree(fresh, ignore_errors=True)
    save(fresh)
    if folder.exists():
        _move(folder, states / f"{_WAITING}{step_of(folder):08d}")
    fresh.rename(folder)


def rewind_best(folder: Path, states: Path, until: int) -> None:
    """The best as it was at step `until`: later ones are removed, the last of those before comes back."""
    if folder.exists() and step_of(folder) > until:
        shutil.rmtree(folder)
    for waiting in sorted(_waiting(states), reverse=True):
        if _number(waiting) > until:
            shutil.rmtree(waiting)
        elif not folder.exists():
            waiting.rename(folder)


def forget_replaced(folder: Path, states: Path, saved: Sequence[int]) -> None:
    """Removes waiting ones that none of the `saved` steps could go back to."""
    waiting = {_number(path): path for path in _waiting(states)}
    steps = {step_of(folder), *waiting}
    needed = {max((number for number in steps if number <= step), default=0) for step in saved}
    for number in waiting.keys() - needed:
        shutil.rmtree(waiting[number])


def step_of(folder: Path) -> int:
    """The step of a ControlNet that a training saved; 0 where it does not say."""
    try:
        return int(json.loads((folder / FILE).read_text("utf-8"))["training"]["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _waiting(states: Path) -> Iterator[Path]:
    yield from (path for path in states.glob(f"{_WAITING}*") if path.is_dir() and path.name[len(_WAITING) :].isdigit())


def _number(path: Path) -> int:
    return int(path.name[len(_WAITING) :])


def _move(path: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    path.rename(target)
