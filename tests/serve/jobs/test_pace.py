"""How long a client is asked to wait."""

from zeroconv.serve.jobs.pace import Pace, retry_after


def test_a_step_is_as_long_as_it_was_measured() -> None:
    pace = Pace()
    assert pace.seconds("tiny", 10) == 10, "nothing measured"
    for _ in range(200):
        pace.measured("tiny", 4, 2.0)
    assert abs(pace.seconds("tiny", 10) - 5) < 1e-9
    for _ in range(200):
        pace.measured("tiny", 1, 0.1)
    assert abs(pace.seconds("tiny", 10) - 1) < 0.01
    assert pace.seconds("other", 3) == 3


def test_waiting_times_stay_within_reason() -> None:
    assert [retry_after(seconds) for seconds in (0.0, 7.5, 1e9)] == [1.0, 7.5, 3600.0]
