"""zeroconv study from folders to a table, as a user runs it, and every mistake in one sentence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from studies import METHODS, line_of, ranked_lines, write_lines, write_pictures

from zeroconv.cli import main
from zeroconv.evaluation.study.key import read_key

Capture = pytest.CaptureFixture[str]


def flags(folders: dict[str, Path]) -> list[str]:
    return [word for name, folder in folders.items() for word in ("--method", f"{name}={folder}")]


@pytest.fixture
def made(tmp_path: Path, capsys: Capture) -> Path:
    folders = write_pictures(tmp_path, ["a", "b", "c"])
    guides = write_pictures(tmp_path, ["a", "b", "c"], ["edges"])["edges"]
    out = tmp_path / "study"
    assert main(["study", "make", *flags(folders), "--condition", str(guides), "--out", str(out)]) == 0
    return out


def test_a_ranking_from_folders_to_the_table(made: Path, capsys: Capture) -> None:
    said = capsys.readouterr().out
    assert "3 groups (asked for: 20), questions quality and fidelity" in said and "keep it from the raters" in said
    key = read_key(made)
    dice = np.random.default_rng(0)
    lines = [
        line
        for rater in ("1", "2", "3")
        for line in ranked_lines(key, rater, lambda task, question: ("piti", *dice.permutation(["lite", "controlnet"])))
    ]
    file = write_lines(made.parent / "downloaded.jsonl", lines[:-1])
    write_lines(made / "answers.jsonl", lines[:6])
    assert main(["study", "analyse", str(made), str(file)]) == 0
    said = capsys.readouterr().out
    assert "piti        1.00 ± 0.00  1.00 ± 0.00" in said and "quality: Kendall's W" in said
    assert "note: 6 lines came more than once" in said and "note: rater 3 is incomplete: 5 of 6 answers" in said
    assert "over raters and tasks, crossed (Owen 2007)" in said
    out = made / "analysis"
    assert (out / "study.txt").read_text() in said
    found = json.loads((out / "study.json").read_text())
    assert found["measures"]["fidelity: piti"]["mean"] == 1 and found["subject"]["raters"] == ["1", "2", "3"]
    assert found["protocol"]["groups"] == 20 and found["subject"]["remarks"][0].startswith("6 lines")
    rows = list(csv.DictReader((out / "study.csv").read_text().splitlines()))
    assert len(rows) == 17 * 3 and {row["rank"] for row in rows if row["method"] == "piti"} == {"1"}
    assert list(csv.DictReader((out / "table.csv").read_text().splitlines()))[2] == {
        "method": "piti",
        "quality": "1.00 ± 0.00",
        "fidelity": "1.00 ± 0.00",
    }


def test_a_two_way_test_from_folders_to_the_verdict(tmp_path: Path, capsys: Capture) -> None:
    folders = write_pictures(tmp_path, [f"{k:02d}" for k in range(42)], METHODS[:2])
    out = tmp_path / "study"
    make = ["study", "make", "--test", "two-way", *flags(folders), "--teaching", "2", "--pictures", "40"]
    assert main([*make, "--out", str(out)]) == 0
    assert "2 teaching pictures of each system, 40 test pictures" in capsys.readouterr().out
    key = read_key(out)
    letters = {method: letter for letter, method in key.systems.items()}
    lines = []
    for rater, wrong in (("1", 4), ("2", 6), ("3", 8)):
        for number, (task, about) in enumerate(key.tasks.items()):
            true = letters[next(iter(about.items.values()))]
            answer = true if number >= wrong else {"A": "B", "B": "A"}[true]
            lines.append(line_of(key, rater, number, task, "system", answer))
    write_lines(out / "answers.jsonl", lines)
    assert main(["study", "analyse", str(out), "--out", str(tmp_path / "result")]) == 0
    said = capsys.readouterr().out
    assert "raters can tell the systems apart (p = 0.0067" in said  # 0.85 +- 0.05 of three raters
    assert "standard deviation over raters 0.05" in said
    assert json.loads((tmp_path / "result" / "study.json").read_text())["measures"]["precision"]["mean"] == 0.85


def test_pictures_of_different_size_are_told(tmp_path: Path, capsys: Capture) -> None:
    folders = {**write_pictures(tmp_path, ["a"], ["one"], 16), **write_pictures(tmp_path, ["a"], ["two"], 24)}
    assert main(["study", "make", *flags(folders), "--out", str(tmp_path / "study")]) == 0
    assert "differ in size (one 16x16; two 24x24), which raters can see; --size N" in capsys.readouterr().err
    assert main(["study", "make", *flags(folders), "--size", "16", "--out", str(tmp_path / "other")]) == 0
    assert capsys.readouterr().err == ""


def test_mistakes_are_said(made: Path, tmp_path: Path, capsys: Capture) -> None:
    methods = flags({"one": tmp_path / "lite", "two": tmp_path / "piti"})
    new = ["--out", str(tmp_path / "new")]
    wrong = [
        (["make", *methods, "--out", str(made)], "holds a study already"),
        (["make", "--method", "lite", *new], "--method is written NAME=DIR"),
        (["make", *methods, *methods, *new], "--method one is given twice"),
        (
            ["make", *methods, "--teaching", "5", *new],
            "--teaching has no effect with --test ranking, which has --groups",
        ),
        (["make", *methods, "--test", "two-way", "--ties", *new], "--ties has no effect with --test two-way"),
        (["make", *methods, "--test", "both", *new], "test must be one of ranking, two-way"),
        (["make", *methods, "--groups", "few", *new], "groups must be a whole number, not 'few'"),
        (["serve", str(tmp_path)], "holds no study"),
        (["serve", str(made), "--port", "70000"], "--port must be 0 to 65535"),
        (["serve", str(made), "--host", "192.0.2.1"], "cannot listen at 192.0.2.1:8000"),
        (["analyse", str(made)], "no answers"),
        (["analyse", str(made), str(tmp_path / "x.jsonl")], "no file"),
        (["analyze", str(made)], "did you mean 'analyse'"),
        (["analyse", str(made), str(made / "key.json")], "no answer counts"),
    ]
    for words, sentence in wrong:
        capsys.readouterr()
        assert main(["study", *words]) == 2, words
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and sentence in error, error
    assert not (tmp_path / "new").exists()
