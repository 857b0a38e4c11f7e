"""The report of a run that is finished, under way, of the old format, or none at all."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from zeroconv.cli.entry import main
from zeroconv.training.report.facts import bands_of
from zeroconv.training.report.figures import smoothed
from zeroconv.training.report.page import page
from zeroconv.training.report.reading import read_run

VOID = {"meta", "img", "source", "link", "br"}


class Balanced(HTMLParser):
    """Fails where a tag is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_finished_run_is_one_page_and_one_picture(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "report", str(whole), "--out", str(tmp_path / "new" / "report")]) == 0
    said = capsys.readouterr().out
    assert "canny on " in said and "finished after 4 steps" in said
    text = (tmp_path / "new" / "report" / "report.html").read_text("utf-8")
    Balanced(text)
    assert "http" not in text and "<script" not in text and "@import" not in text
    assert set(re.findall(r'(?:src|srcset)="([^"]{10})', text)) == {"data:image"}
    for expected in (
        "prefers-color-scheme: dark",
        "learning rate",
        "high noise: t 667-999",
        "base fingerprint",
        "scenes",
    ):
        assert expected in text
    assert text.count("data:image/png") == 4 and text.count("data:image/jpeg") == 1
    with Image.open(tmp_path / "new" / "report" / "report.png") as picture:
        assert picture.width == 1210 and picture.height > 1500


def test_a_run_under_way_or_of_the_old_format_is_shown_as_far_as_it_is(copy: Path) -> None:
    (copy / "controlnet" / "zeroconv.json").unlink()
    (copy / "gain.npz").unlink()
    lines = [",".join(line.split(",")[:8]) for line in (copy / "gain.csv").read_text().splitlines()[:3]]
    (copy / "gain.csv").write_text("".join(f"{line}\n" for line in lines))
    log = (copy / "log.jsonl").read_text().splitlines()
    (copy / "log.jsonl").write_text("\n".join([*log[:3], log[3][:20]]))
    (copy / "messages.txt").write_text("step 2: warning: <b>nothing</b> learnt\n")
    run = read_run(copy)
    assert (run.status, run.done, len(run.steps)) == ("3 of 4 steps, under way or interrupted", 3, 3)
    text = page(run)
    Balanced(text)
    assert '<p class="message warning">Step 2: warning: &lt;b&gt;nothing' in text
    assert "Control gain by noise" not in text and "told once the run is finished" in text


def test_a_run_that_has_only_begun_has_a_report(copy: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "run.json").write_bytes((copy / "run.json").read_bytes())
    assert main(["train", "report", str(fresh)]) == 0
    assert "0 of 4 steps" in (fresh / "report" / "report.html").read_text("utf-8")


def test_what_is_no_run_is_said(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "report", str(tmp_path)]) == 2
    assert "holds no training run (no run.json); expected the folder given" in capsys.readouterr().err
    assert main(["train", "report", str(whole / "controlnet")]) == 2
    assert f"did you mean {whole}?" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("{cut")
    assert main(["train", "report", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_smoothed_curve_is_the_mean_of_the_values_before() -> None:
    assert smoothed([1.0, 3.0, 5.0, 7.0], window=2).tolist() == [1.0, 2.0, 4.0, 6.0]
    assert smoothed([]).tolist() == []


def test_small_gains_keep_two_digits_of_their_interval(copy: Path) -> None:
    run = read_run(copy)
    point = run.curve.points[-1]
    small = replace(
        point.bands[0], gain=-0.0000712, gain_interval=0.0000345, shuffled_gain=0.05, shuffled_gain_interval=0.02
    )
    run.curve.points[-1] = replace(point, bands=(small,))
    assert bands_of(run)[0][1:] == ("-0.000071 ± 0.000034", "0.0500 ± 0.0200")
