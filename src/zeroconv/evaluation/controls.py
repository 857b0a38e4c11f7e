"""Several ControlNets of one base beside each other: one row a condition, and how far control gets between two ends.

The ends are what the caption alone gives (`no control`) and what the true picture gives through the autoencoder
(`ceiling`): metrics differ from condition to condition, the share of the way between them can be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroconv.base import BaseModel
from zeroconv.base.hashing import base_hash, weights_hash
from zeroconv.conditions import canonical
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.evaluation.control import MEANINGS, WAY, Baseline, draw_baseline, evaluate_control, protocol_of
from zeroconv.evaluation.drawing import settled
from zeroconv.evaluation.held_out import Progress, TruePictures, silent
from zeroconv.evaluation.report import Report, pictures_hash, read_summary
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.trial import Trial
from zeroconv.generate.prepare import default_checkpoint
from zeroconv.images import save_png
from zeroconv.weights import BUILT_IN, Sidecar, load_with_sidecar

COLUMNS = ("condition", "measure", *MEANINGS, "way closed", "95 % interval", "above chance")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A ControlNet to be measured."""

    condition: str
    """Canonical name, one of fidelity.MEASURED."""
    source: str
    controlnet: ControlNet
    sidecar: Sidecar


def load_candidates(base: BaseModel, names: Sequence[str] | None, given: Mapping[str, str]) -> list[Candidate]:
    """The ControlNets of some conditions: those given by condition, else the built-in ones; UserError for what is not.

    names: conditions; None: all that are built in for the base, and those given.
    """
    known = [name.removeprefix(f"{base.family}-") for name in BUILT_IN if name.startswith(f"{base.family}-")]
    wanted = list(dict.fromkeys(canonical(name) for name in names or (*known, *given)))
    if not wanted:
        raise UserError(f"no ControlNets are built in for the base {base.name}; name one with --checkpoint NAME=SOURCE")
    if unused := given.keys() - set(wanted):
        raise UserError(f"a ControlNet is given for {sorted(unused)[0]}, which is not among {', '.join(wanted)}")
    return [load_candidate(base, name, given.get(name)) for name in wanted]


def load_candidate(base: BaseModel, condition: str, source: str | None) -> Candidate:
    """The ControlNet of a source, without one the built-in one; UserError where it is known to be of another condition.

    condition: canonical name.
    """
    source = source or default_checkpoint(base, condition)
    controlnet, sidecar = load_with_sidecar(source, base)
    if sidecar.condition not in (None, condition):
        raise UserError(f"{source} was trained on {sidecar.condition!r}, not on {condition!r}")
    return Candidate(condition, source, controlnet, sidecar)


def evaluate_controls(
    base: BaseModel,
    trials: Sequence[tuple[Candidate, Trial]],
    sampler: Sampler,
    folder: Path,
    *,
    subject: Mapping[str, Any],
    progress: Progress = silent,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Measure each ControlNet -> its condition and its report as JSON values, written to folder/CONDITION at once.

    Trials on the same pictures with the same captions share what is drawn without a ControlNet.
    A report that lies in the folder already, of the same protocol and the same weights, is taken over.
    """
    sampler, baselines = settled(sampler, base), dict[tuple[str, ...], Baseline]()
    for candidate, trial in trials:
        held_out, place = trial.read(), folder / candidate.condition
        if (found := _known(place, base, candidate, trial, held_out, sampler)) is not None:
            yield candidate.condition, found
            continue
        alike = (*held_out.captions, pictures_hash(held_out.pictures))
        if alike not in baselines:
            baselines[alike] = draw_baseline(base, held_out, sampler, progress=progress)
        evaluation = evaluate_control(
            base,
            candidate.controlnet,
            candidate.condition,
            held_out,
            sampler,
            fidelity=trial.fidelity,
            judge=trial.judge,
            subject={**subject, "checkpoint": candidate.source, "training": dict(candidate.sidecar.training)},
            sidecar=candidate.sidecar,
            baseline=baselines[alike],
            progress=progress,
        )
        evaluation.report.write(place, "control")
        save_png(evaluation.sheet, place / "control.png", {"protocol_hash": evaluation.report.protocol_hash})
        yield candidate.condition, evaluation.report.as_json()


def comparison(reports: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row a condition, by COLUMNS: the means, the share of the way with its interval, and control's distance from
    chance in standard errors (of the paired difference between right and shuffled condition)."""
    return [_row(condition, report) for condition, report in reports.items()]


def _row(condition: str, report: Mapping[str, Any]) -> dict[str, str]:
    measures, way = report["measures"], report["measures"].get(WAY)
    chance = measures["control - shuffled"]
    error = (chance["high"] - chance["low"]) / (2 * 1.96)
    sign = -1 if report["protocol"]["less_is_better"] else 1
    return {
        "condition": condition,
        "measure": str(report["protocol"]["metric"]),
        **{name: f"{measures[name]['mean']:.3f}" for name in MEANINGS},
        "way closed": f"{way['mean']:.2f}" if way else "-",
        "95 % interval": f"[{way['low']:.2f}, {way['high']:.2f}]" if way else "-",
        "above chance": f"{sign * chance['mean'] / error:.0f} s.e." if error else "-",
    }


def _known(
    place: Path, base: BaseModel, candidate: Candidate, trial: Trial, held_out: TruePictures, sampler: Sampler
) -> Mapping[str, Any] | None:
    """The report of an earlier run, where it is of the same protocol and weights; the sampler is settled."""
    found = read_summary(place / "control.json")
    if found is None:
        return None
    protocol = protocol_of(candidate.condition, trial.fidelity, held_out, sampler, base, trial.judge)
    subject = found.get("subject", {})
    is_same = (
        found.get("protocol_hash") == Report("", protocol, {}, ()).protocol_hash
        and subject.get("base_weights") == base_hash(base)
        and subject.get("controlnet") == weights_hash(candidate.controlnet)
    )
    return found if is_same else None
