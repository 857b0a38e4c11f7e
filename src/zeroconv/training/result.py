"""The trained ControlNet as it is handed on: weights in the diffusers format, and what it says about itself.

Where weights of the base were trained with it, that base is handed on beside it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zeroconv import conditions, weights
from zeroconv.base.hashing import base_hash
from zeroconv.base.saving import save_base
from zeroconv.data.scenes import reading_options
from zeroconv.training.run import Run
from zeroconv.training.state import TrainState, fresh_state, restore
from zeroconv.training.unlock import unlock
from zeroconv.weights import Sidecar
from zeroconv.weights.card import write_card


def save_last(run: Run) -> None:
    """Writes the result of the run; raises RuntimeError if what is locked in the base has changed."""
    after = _locked_hash(run)
    if after != run.base_hash:
        raise RuntimeError("the locked base has changed during training; its ControlNet is not to be trusted")
    save_result(run, run.folder.controlnet, run.folder.base, {"base_hash_after": after})


def save_result(run: Run, folder: Path, base_folder: Path, further: Mapping[str, Any] | None = None) -> None:
    """Writes the ControlNet as it is now, and its base where that is in training; `further` is told besides."""
    state = state_of(run)
    sidecar = _sidecar(run, state, further or {})
    weights.save(state.result, state.result_base, folder, sidecar=sidecar)
    write_card(folder, sidecar, Path(run.base.name).name)
    if run.config.unlock != "none":
        save_base(state.result_base, base_folder)


def state_of(run: Run) -> TrainState:
    """The run's state; of a run that had no step left to take, the saved one."""
    if run.state is None:
        run.state = fresh_state(run.controlnet, run.config, run.base)
        if run.record is not None:
            restore(run.state, run.record)
    return run.state


def _locked_hash(run: Run) -> str:
    """The hash of what is locked in the base; where its weights are spread over processes, in the whole copy of it."""
    state = state_of(run)
    if state.whole is None:
        return base_hash(run.base)
    whole = state.result_base
    unlock(whole, run.config.unlock)  # a base is locked when it is made
    return base_hash(whole)


def _sidecar(run: Run, state: TrainState, further: Mapping[str, Any]) -> Sidecar:
    """What the result says about itself: its condition, and what its training took."""
    condition, kind = run.about["condition"], conditions.kind(run.about["condition"]["name"])
    return Sidecar(
        condition=condition["name"],
        condition_options=_options(condition, run.about["data"].get("kind")),
        range=kind.value_range,
        polarity=kind.polarity,
        channel_order=kind.channel_order,
        training={
            **{key: run.about[key] for key in ("data", "start", "machine", "versions")},
            "config": asdict(run.config),
            "steps": state.step,
            "samples": state.step * run.config.batch_size,
            "seconds": round(run.seconds, 1),
            "gain": [asdict(point) for point in run.curve.points],
            "base_hash_before": run.base_hash,
            **further,
        },
    )


def _options(condition: Mapping[str, Any], data: str | None) -> Mapping[str, Any]:
    """How a picture is brought to the condition that was learnt; scenes are read by the network made for them."""
    if data != "scenes":
        return condition["options"]  # type: ignore[no-any-return]
    return reading_options(condition["name"], condition["options"])
