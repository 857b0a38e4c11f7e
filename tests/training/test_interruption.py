import os
import signal

import pytest

from zeroconv.training.interruption import Interruption, orderly_termination


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_remembered_and_the_old_handler_comes_back(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert (interruption.signal, interruption.exit_code) == (None, 0)
        os.kill(os.getpid(), number)
        assert (interruption.signal, interruption.exit_code) == (number, code)
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interruption():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_sigterm_unwinds_what_is_under_way() -> None:
    before, closed = signal.getsignal(signal.SIGTERM), []
    with pytest.raises(SystemExit) as ended, orderly_termination():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            closed.append(True)
    assert ended.value.code == 143 and closed == [True]
    assert signal.getsignal(signal.SIGTERM) is before
