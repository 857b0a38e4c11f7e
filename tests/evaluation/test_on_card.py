"""`--card`: what was found stands in the ControlNet's own record and model card."""

from pathlib import Path
from typing import Any

import pytest

from zeroconv.errors import UserError
from zeroconv.evaluation.on_card import folder_to_tell, tell_card
from zeroconv.weights import Sidecar, read_sidecar
from zeroconv.weights.sidecar import FILE, write_sidecar

REPORT: dict[str, Any] = {
    "protocol": {"metric": "edge F1", "less_is_better": False, "scenes": {"count": 256}},
    "protocol_hash": "0123456789abcdef",
    "measures": {
        "control": {"mean": 0.7012, "low": 0.68, "high": 0.72, "count": 256},
        "no control": {"mean": 0.3, "low": 0.29, "high": 0.31, "count": 256},
        "control - no control": {"mean": 0.4, "low": 0.39, "high": 0.41, "count": 256},
    },
}


@pytest.fixture
def trained(training_record: dict[str, Any], tmp_path: Path) -> Path:
    write_sidecar(Sidecar(condition="canny", base="tiny", training=training_record), tmp_path / FILE)
    return tmp_path


def test_what_was_found_stands_in_record_and_card(trained: Path, training_record: dict[str, Any]) -> None:
    tell_card(folder_to_tell(str(trained)), REPORT)
    found = read_sidecar(trained)
    assert found.training == training_record
    assert found.fidelity["rows"][0] == {"name": "control", "mean": 0.7012, "low": 0.68, "high": 0.72}
    assert [row["name"] for row in found.fidelity["rows"]] == ["control", "no control"]
    card = (trained / "README.md").read_text()
    assert "| control | 0.701 | 0.680 .. 0.720 |" in card and "On 256 held-out scenes" in card
    assert "0123456789abcdef" in card and "more is better" in card


def test_a_second_evaluation_replaces_the_first(trained: Path) -> None:
    tell_card(trained, REPORT)
    again = {**REPORT, "measures": {"control": {"mean": 0.9, "low": 0.8, "high": 1.0, "count": 256}}}
    tell_card(trained, again)
    card = (trained / "README.md").read_text()
    assert "0.900" in card and "0.701" not in card


def test_a_controlnet_made_elsewhere_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    for source in (str(tmp_path), "owner/name", str(tmp_path / "file.safetensors")):
        with pytest.raises(UserError, match="that zeroconv trained"):
            folder_to_tell(source)
