"""Several systems in one table: paired differences, and a word where they may not be compared."""

from collections.abc import Sequence

import pytest

from zeroconv.evaluation.quality.comparison import Comparison
from zeroconv.evaluation.report import Measure, Report
from zeroconv.evaluation.statistics import Estimate, estimate_difference, estimate_mean


def report(scores: Sequence[float | str], *, captions: str = "same") -> Report:
    known = [score for score in scores if isinstance(score, float)]
    return Report(
        "title",
        {"count": 4, "captions": captions},
        {"captions": captions},
        (Measure("fid", "", Estimate(5.0, 4.0, 6.0, 4)), Measure("clip-score", "", estimate_mean(known))),
        tuple({"number": k, "clip-score": score} for k, score in enumerate(scores)),
    )


OURS, THEIRS = report([0.3, 0.4, 0.5, 0.6]), report([0.1, 0.3, "", 0.2])


def test_differences_are_paired_and_leave_out_what_one_side_lacks() -> None:
    lines = Comparison({"ours": OURS, "theirs": THEIRS}).lines
    assert list(lines) == ["ours", "theirs", "ours - theirs"]
    assert lines["ours - theirs"] == {"clip-score": estimate_difference([0.3, 0.4, 0.6], [0.1, 0.3, 0.2])}
    assert lines["theirs"]["clip-score"].count == 3


def test_one_table_and_its_rows() -> None:
    comparison = Comparison({"ours": OURS, "theirs": THEIRS})
    table = comparison.as_table().splitlines()
    assert table[0].split() == ["fid", "clip-score"]
    assert table[1].split()[:3] == ["ours", "5.000", "[4.000,"]
    assert table[-1] == f"mean [95 % interval]; protocol {OURS.protocol_hash} of all"
    assert [(row["system"], row["measure"]) for row in comparison.as_rows()] == [
        ("ours", "fid"),
        ("ours", "clip-score"),
        ("theirs", "fid"),
        ("theirs", "clip-score"),
        ("ours - theirs", "clip-score"),
    ]


def test_other_captions_are_not_paired_and_the_difference_is_named() -> None:
    comparison = Comparison({"ours": OURS, "theirs": report([0.1, 0.2, 0.3, 0.4], captions="others")})
    assert list(comparison.lines) == ["ours", "theirs"]
    assert comparison.as_table().endswith("NOT to be compared, as their protocols differ in: captions")


@pytest.mark.parametrize("systems", [{"ours": OURS}, {"ours": OURS, "same": OURS}])
def test_a_system_against_itself_differs_by_nothing(systems: dict[str, Report]) -> None:
    lines = Comparison(systems).lines
    assert len(lines) == 2 * len(systems) - 1
    assert all(line["clip-score"].mean == 0 for name, line in lines.items() if " - " in name)
