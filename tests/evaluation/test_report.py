"""Reports: a table that lines up, JSON and CSV that can be read back, hashes that notice a change."""

import csv
import json
from pathlib import Path

import pytest
import torch

from zeroconv.evaluation.report import Measure, Report, Stopwatch, captions_hash
from zeroconv.evaluation.statistics import Estimate


def a_report(**changes: object) -> Report:
    measures = (
        Measure("control", "with it", Estimate(0.71234, 0.7, 0.72, 256)),
        Measure("PSNR", "of the autoencoder", Estimate(31.5, 31.25, 31.75, 8), unit="dB"),
    )
    rows = ({"scene": 0, "caption": 'a "red" cube, small', "control": 0.5}, {"scene": 1, "caption": "é", "control": ""})
    given = {"title": "canny", "protocol": {"steps": 20}, "subject": {"base": "tiny"}, "measures": measures}
    return Report(**{**given, "rows": rows, **changes})  # type: ignore[arg-type]


def test_the_table_lines_up() -> None:
    title, head, control, psnr, foot = a_report().as_table().splitlines()
    assert title == "canny"
    assert control.index("0.712") + len("0.712") == head.index("mean") + len("mean") == psnr.index("dB") + len("dB")
    assert "[0.700, 0.720]" in control
    assert "31.50 dB" in psnr
    assert "[31.25, 31.75]" in psnr
    assert a_report().protocol_hash in foot
    assert "bootstrap" in foot


def test_json_and_csv_read_back(tmp_path: Path) -> None:
    report = a_report()
    summary, rows = report.write(tmp_path / "new", "canny")
    found = json.loads(summary.read_text(encoding="utf-8"))
    assert found["schema"] == 1
    assert found["measures"]["control"]["mean"] == 0.71234
    assert found["protocol_hash"] == report.protocol_hash
    assert found["environment"]["torch"] == torch.__version__.split("+")[0] or "+" in found["environment"]["torch"]
    lines = list(csv.DictReader(rows.read_text(encoding="utf-8").splitlines()))
    assert lines[0] == {"scene": "0", "caption": 'a "red" cube, small', "control": "0.500000"}
    assert lines[1]["caption"] == "é"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["canny.csv", "canny.json"]


def test_what_json_cannot_hold_leaves_the_old_file(tmp_path: Path) -> None:
    a_report().write(tmp_path, "canny")
    before = (tmp_path / "canny.json").read_text()
    with pytest.raises(ValueError, match="JSON"):
        a_report(subject={"loss": float("nan")}).write(tmp_path, "canny")
    assert (tmp_path / "canny.json").read_text() == before


def test_the_protocol_hash_is_of_the_protocol_alone() -> None:
    first = a_report().protocol_hash
    assert a_report(subject={"base": "other"}, title="x").protocol_hash == first
    assert a_report(protocol={"steps": 21}).protocol_hash != first
    assert len(first) == 16


def test_measures_are_found_by_name() -> None:
    assert a_report()["PSNR"].mean == 31.5
    with pytest.raises(KeyError, match="colour"):
        a_report()["colour"]


def test_captions_and_their_order_are_named() -> None:
    assert captions_hash(["a", "b"]) != captions_hash(["b", "a"])


def test_the_stopwatch_adds_up() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch("draw"):
            pass
    assert list(watch.seconds) == ["draw"]
    assert 0 <= watch.seconds["draw"] < 1
