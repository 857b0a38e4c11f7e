from pathlib import Path

from zeroconv.weights.card import FILE, write_card
from zeroconv.weights.sidecar import read_sidecar


def test_the_card_tells_what_the_training_recorded(whole: Path) -> None:
    text = (whole / "controlnet" / FILE).read_text("utf-8")
    for expected in (
        "# ControlNet for canny on",
        '{"low": 100, "high": 200}',
        "white on black",
        "4 of 4, 8 examples seen",
    ):
        assert expected in text
    assert "On 3 held-out examples the loss is" in text and "| learning rate | 0.001 |" in text
    assert (whole / "best" / FILE).exists()


def test_what_a_person_wrote_is_left_alone(copy: Path) -> None:
    folder = copy / "controlnet"
    sidecar = read_sidecar(folder)
    written = (folder / FILE).read_text("utf-8")
    (folder / FILE).write_text("mine")
    write_card(folder, sidecar, "another")
    assert (folder / FILE).read_text("utf-8") == "mine"
    (folder / FILE).write_text(written + "old")
    write_card(folder, sidecar, "another")
    assert "on another" in (folder / FILE).read_text("utf-8") and not (folder / FILE).read_text("utf-8").endswith("old")
