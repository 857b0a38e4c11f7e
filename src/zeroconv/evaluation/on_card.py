"""What an evaluation found, written into the ControlNet that it is about: its zeroconv.json and its model card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.evaluation.control import MEANINGS, WAY
from zeroconv.weights import BUILT_IN, read_sidecar
from zeroconv.weights.card import write_card
from zeroconv.weights.sidecar import FILE, write_sidecar


def folder_to_tell(source: str) -> Path:
    """The folder of a ControlNet that was trained here; UserError for any other, before anything is measured."""
    folder = BUILT_IN.get(source, Path(source).expanduser())
    if not read_sidecar(folder).training.get("config"):
        raise UserError(
            f"--card writes into the {FILE} of a ControlNet that zeroconv trained; {source} is no folder with one"
        )
    return folder


def tell_card(folder: Path, report: Mapping[str, Any]) -> None:
    """Writes a report on control (as JSON values) into the sidecar and the card of the ControlNet in `folder`."""
    measures, protocol = report["measures"], report["protocol"]
    kind = "photographs" if "photographs" in protocol else "scenes"
    sidecar = replace(
        read_sidecar(folder),
        fidelity={
            "metric": protocol["metric"],
            "less_is_better": protocol["less_is_better"],
            kind: protocol[kind]["count"],
            "protocol_hash": report["protocol_hash"],
            "rows": [
                {"name": name, **{key: measures[name][key] for key in ("mean", "low", "high")}}
                for name in (*MEANINGS, WAY)
                if name in measures
            ],
        },
    )
    write_sidecar(sidecar, folder / FILE)
    write_card(folder, sidecar, Path(sidecar.base).name)
