"""Progress where nobody watches: few lines, but a last one."""

import pytest

from zeroconv.progress import progress_bar


def test_a_file_gets_a_first_and_a_last_line_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar(range(1000), desc="draw")) == list(range(1000))
    said = capsys.readouterr().err
    assert said.count("\r") <= 3 and "draw" in said and "1000/1000" in said
