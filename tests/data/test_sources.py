import pytest

from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.errors import UserError


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("scenes", "whole number"),
        ("scenes:", "whole number"),
        ("scenes:0", "at least 1"),
        ("scenes:-3", "at least 1"),
        ("scenes:many", "'many'"),
        ("scenes:2.5", "'2.5'"),
        ("scenes:²", "whole number"),
        ("scenes:5,sed=1", "did you mean 'seed'"),
        ("scenes:5,seed=x", "'x'"),
        ("scenes:5,seed=1000000", "below 1000000"),
        ("scene:5", "did you mean 'scenes'"),
        ("", "known: folder, scenes"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        open_source(name, extraction_of("canny", {}), 32)


def test_the_options_of_a_condition_are_written_out_in_full() -> None:
    assert extraction_of("canny", {"low": "50"}).options == {"low": 50, "high": 200}
    with pytest.raises(UserError, match="did you mean 'low'"):
        extraction_of("canny", {"lov": "50"})
    with pytest.raises(UserError, match="depth has no option 'low'"):
        extraction_of("midas", {"low": "50"})


def test_counts_and_seeds_are_read() -> None:
    source = open_source("scenes:1_000,seed=7", extraction_of("canny", {}), 32)
    assert len(source) == 1000
    assert source.describe() == {"kind": "scenes", "seed": 7, "size": 32}
