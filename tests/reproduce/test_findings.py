"""Findings: written, read, shown; and what is not measured twice."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zeroconv.cli import main
from zeroconv.evaluation.statistics import Estimate
from zeroconv.reproduce import record
from zeroconv.reproduce.catalogue import EXPERIMENTS, chosen
from zeroconv.reproduce.document import document
from zeroconv.reproduce.finding import Finding, Table, Verdict
from zeroconv.reproduce.page import page

EXPERIMENT = EXPERIMENTS["composition"]
FINDING = Finding(
    Verdict.IN_PART,
    "Words & figures.",
    (Table("two <conditions>", ("F1", "note"), {"both": (Estimate(0.5, 0.25, 0.75, 8), "few")}),),
    {"count": 8},
    {"sheet.png": Image.new("RGB", (8, 8), (255, 0, 0))},
)


def write(folder: Path) -> None:
    record.write(FINDING, EXPERIMENT, folder, asked="this", command="zeroconv reproduce guess --count 3", seconds=90.0)


def test_a_finding_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path)
    found = record.read(tmp_path, "this")
    assert found is not None
    assert (found.verdict, found.words, found.tables) == (FINDING.verdict, FINDING.words, FINDING.tables)
    assert found.protocol_hash == record.hash_of({"count": 8})
    assert (tmp_path / found.pictures[0]).exists()
    lines = (tmp_path / "two-conditions.csv").read_text().splitlines()
    assert lines[1] == "both,F1,0.500000,0.250000,0.750000,8"


def test_only_what_was_asked_counts_as_done(tmp_path: Path) -> None:
    assert record.read(tmp_path) is None
    write(tmp_path)
    assert record.read(tmp_path, "something else") is None
    (tmp_path / record.FILE).write_text("{")
    assert record.read(tmp_path) is None


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="2 cells expected in 'row', got 1"):
        Table("title", ("one", "two"), {"row": ("a",)})


def test_page_and_document_show_verdict_figures_and_pictures(tmp_path: Path) -> None:
    folder = tmp_path / EXPERIMENT.name
    write(folder)
    found = record.read(folder)
    assert found is not None
    text, html = document([(EXPERIMENT, found)]), page([(EXPERIMENT, found)])
    command = "zeroconv reproduce guess --count 3"
    for part in ("holds in part", "0.5 (0.25 .. 0.75)", "composition/sheet.png", EXPERIMENT.claim, command):
        assert part in text
        assert part in html
    assert "two &lt;conditions&gt;" in html
    assert "Words &amp; figures." in html


def test_every_experiment_has_its_own_name_and_says_what_it_costs() -> None:
    assert list(EXPERIMENTS) == [experiment.name for experiment in chosen(["all"])]
    for experiment in EXPERIMENTS.values():
        assert experiment.pictures(10) + experiment.samples > 0
        assert experiment.rule.startswith("holds where")


def test_without_a_name_the_command_lists_the_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in EXPERIMENTS)


def test_an_unknown_name_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "compositon"]) == 2
    assert "did you mean 'composition'" in capsys.readouterr().err


def test_the_command_measures_once_and_writes_page_and_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Any] = []

    def run(bench: Any) -> Finding:
        calls.append(bench.count)
        return FINDING

    monkeypatch.setitem(EXPERIMENTS, "composition", _replaced(run))
    command = ["reproduce", "composition", "--count", "4", "--steps", "1", "--out", str(tmp_path)]
    assert main([*command, "--estimate"]) == 0
    assert not calls
    assert main(command) == 0
    assert main(command) == 0
    assert calls == [4]
    assert "done already" in capsys.readouterr().out
    assert main([*command, "--count", "5"]) == 0
    assert calls == [4, 5]
    assert "Words &amp; figures." in (tmp_path / "index.html").read_text()
    assert "Words & figures." in (tmp_path / "paper.md").read_text()


def _replaced(run: Any) -> Any:
    from dataclasses import replace

    return replace(EXPERIMENT, run=run)
