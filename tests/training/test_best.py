import json
from pathlib import Path

import pytest

from zeroconv.training.best import best_point, forget_replaced, is_exhausted, keep_best, rewind_best, step_of
from zeroconv.training.gain import GainPoint
from zeroconv.training.onset import Onset


def points(*gains: float, examples: int = 64) -> list[GainPoint]:
    return [GainPoint(10 * k, 1, 1 - gain, 1, gain, 0.01, gain, 0.01, examples) for k, gain in enumerate(gains)]


def save(folder: Path, step: int) -> None:
    folder.mkdir(parents=True)
    (folder / "zeroconv.json").write_text(json.dumps({"training": {"steps": step}}))


def keep(run: Path, *steps: int) -> None:
    for step in steps:
        keep_best(run / "best", run / "states", step, lambda folder, step=step: save(folder, step))  # type: ignore[misc]


def waiting(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "states").iterdir())


def test_the_best_is_the_highest_gain_of_todays_examples() -> None:
    best = best_point(points(0.9, 0.1, 0.3, 0.3, 0.2))
    assert best is not None and best.step == 20
    assert best_point(points(0.0)) is None and best_point([]) is None
    other = [*points(0, 0.8, examples=32), GainPoint(20, 1, 1, 1, 0.1, 0, 0.1, 0, 64)]
    best = best_point(other)
    assert best is not None and best.step == 20


def test_a_base_that_forgets_makes_no_controlnet_better() -> None:
    first, forgetful = points(0.1, 0.3)[1], GainPoint(20, 2, 0.8, 2, 1.2, 0.01, 1.2, 0.01, 64)
    assert best_point([first, forgetful]) is first


@pytest.mark.parametrize(
    ("gains", "onset", "patience", "is_over"),
    [
        ((0, 0.1, 0.3, 0.2, 0.2), 10, 2, True),
        ((0, 0.1, 0.3, 0.2, 0.2), 10, 3, False),
        ((0, 0.1, 0.3, 0.2, 0.2), 10, 0, False),
        ((0, 0.1, 0.3, 0.2, 0.2), None, 2, False),
        ((0, 0.1, 0.2, 0.3, 0.4), 10, 1, False),
        ((0, 0.1, 0.3, 0.2, 0.2), 40, 1, False),  # before the onset nothing is counted
    ],
)
def test_patience_counts_measurements_without_a_better_one(
    gains: tuple[float, ...], onset: int | None, patience: int, is_over: bool
) -> None:
    begun = None if onset is None else Onset(onset, onset - 10, 0.999)
    assert is_exhausted(points(*gains), begun, patience) is is_over


def test_a_better_one_takes_the_place_and_the_one_before_waits(tmp_path: Path) -> None:
    keep(tmp_path, 10, 30)
    assert step_of(tmp_path / "best") == 30 and waiting(tmp_path) == ["best-00000010"]


@pytest.mark.parametrize(("until", "step", "left"), [(30, 30, [10, 20]), (29, 20, [10]), (10, 10, []), (9, 0, [])])
def test_a_run_that_goes_back_has_the_best_of_its_past(tmp_path: Path, until: int, step: int, left: list[int]) -> None:
    keep(tmp_path, 10, 20, 30)
    rewind_best(tmp_path / "best", tmp_path / "states", until)
    assert step_of(tmp_path / "best") == step and (tmp_path / "best").exists() == (step > 0)
    assert waiting(tmp_path) == [f"best-{number:08d}" for number in left]


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    keep(tmp_path, 10)
    (tmp_path / "best").rename(tmp_path / "states" / "best-00000010")
    save(tmp_path / "states" / "best-00000020", 20)
    rewind_best(tmp_path / "best", tmp_path / "states", until=25)
    assert step_of(tmp_path / "best") == 20 and waiting(tmp_path) == ["best-00000010"]


def test_a_kill_while_saving_keeps_the_best_there_was(tmp_path: Path) -> None:
    keep(tmp_path, 10)

    def killed(folder: Path) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_best(tmp_path / "best", tmp_path / "states", 20, killed)
    assert step_of(tmp_path / "best") == 10
    keep(tmp_path, 20)
    assert step_of(tmp_path / "best") == 20


def test_only_those_a_saved_state_could_go_back_to_wait(tmp_path: Path) -> None:
    keep(tmp_path, 10, 20, 30, 40)
    forget_replaced(tmp_path / "best", tmp_path / "states", saved=[35, 25])
    assert waiting(tmp_path) == ["best-00000020", "best-00000030"]
    forget_replaced(tmp_path / "best", tmp_path / "states", saved=[45, 39])
    assert waiting(tmp_path) == ["best-00000030"]
    forget_replaced(tmp_path / "best", tmp_path / "states", saved=[45, 40])
    assert waiting(tmp_path) == []
