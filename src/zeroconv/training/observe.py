"""What is written, measured, shown and said after a step of a run."""

from typing import Any

from tqdm import tqdm

from zeroconv import conditions
from zeroconv.images import save_png
from zeroconv.objective import Gain
from zeroconv.training.best import best_point, is_exhausted, keep_best
from zeroconv.training.diagnosis import Evidence, update_ratio, warning
from zeroconv.training.gain import GainPoint, measure_gain
from zeroconv.training.gain_figure import Mark
from zeroconv.training.loop import Step
from zeroconv.training.onset import Onset, find_onset, planned_looks
from zeroconv.training.precision import autocast
from zeroconv.training.previews import growing_sheet, preview_sheet
from zeroconv.training.result import save_result
from zeroconv.training.run import Run
from zeroconv.training.start import num_parameters

BAR = "{percentage:3.0f}% {bar} step {n_fmt}/{total_fmt}, {remaining} left{postfix}"


def observe(run: Run, step: Step, bar: "tqdm[Any]") -> None:
    """Log, gain curve, pictures, trackers and progress bar after a step."""
    if step.number % run.config.log_every == 0:
        run.folder.write_step(step)
        run.trackers.scalars(step.number, _scalars(step))
    if step.gain is not None:
        _take_in(run, step.number, step.gain)
    if run.previewed and is_due(step.number, run.config.preview_every):
        _preview(run, step)
    run.shown.update(step)
    bar.set_postfix_str(_postfix(run), refresh=False)
    bar.update()


def measure_start(run: Run) -> None:
    """The first point of the curve, where the ControlNet does nothing yet."""
    if run.held_out and run.record is None:
        point = run.curve.add(0, measure_gain(run.base, run.controlnet, run.held_out, run.config.precision))
        run.folder.write_gain(run.curve)
        run.trackers.scalars(0, _gain_scalars(point))


def onset_of(run: Run) -> Onset | None:
    """When control has set in, if it has."""
    return find_onset(run.curve.points, planned_looks(run.config.steps, run.config.gain_every))


def has_stalled(run: Run) -> bool:
    """Whether the run's patience is at an end."""
    return is_exhausted(run.curve.points, onset_of(run), run.config.patience)


def say(run: Run, step: int, text: str) -> None:
    """A paragraph in the terminal, above the progress bar, and in the run's folder."""
    run.folder.tell(step, text)
    tqdm.write(f"step {step}: {text}")
    run.trackers.text(step, text)


def is_due(step: int, every: int) -> bool:
    """Whether something that happens every so many steps, 0: never, happens after this one."""
    return every > 0 and step % every == 0


def _take_in(run: Run, step: int, gain: Gain) -> None:
    """A measurement: curve, onset, best checkpoint, warning."""
    point = run.curve.add(step, gain)
    onset = onset_of(run)
    marks = [] if onset is None else [Mark(onset.step, f"control has set in: step {onset.step}")]
    run.folder.write_gain(run.curve, marks)
    run.trackers.scalars(step, _gain_scalars(point))
    said = [text for _, text in run.folder.messages()]
    if onset is not None and not any(text.startswith("the control has set in") for text in said):
        say(run, step, onset.sentence)
    if run.config.keep == "best" and best_point(run.curve.points) is point:
        keep_best(run.folder.best, run.folder.states, step, lambda folder: save_result(run, folder, folder / "base"))
    budget = run.config.expect_control_by
    if onset is None and 0 < budget <= step and not any(text.startswith("warning") for text in said):
        say(run, step, warning(_evidence(run), budget))


def _evidence(run: Run) -> Evidence:
    assert run.state is not None
    kind, losses = conditions.kind(run.about["condition"]["name"]), run.curve.measured[-1][1]
    return Evidence(
        config=run.config,
        points=run.curve.points,
        reaction=((losses.shuffled - losses.with_).abs().mean() / losses.without.mean()).item(),
        conditions=run.held_out[0].condition.float().cpu(),
        value_range=kind.value_range,
        is_white_on_black=kind.polarity == "white on black",
        captions=[example.caption for example in run.previewed],
        update_ratio=update_ratio(run.state.optimizer),
        gradient_norms=[line["gradient_norm"] for line in run.folder.steps()],
        num_parameters=num_parameters(run.base),
    )


def _preview(run: Run, step: Step) -> None:
    run.folder.previews.mkdir(exist_ok=True)
    with autocast(run.base.device, run.config.precision):
        single = preview_sheet(step.state.result_base, step.state.result, run.previewed)
    save_png(single, run.folder.previews / f"{step.number:06d}.png")
    if (grown := growing_sheet(run.folder.previews, until=step.number)) is not None:
        save_png(grown, run.folder.path / "previews.png")
    run.trackers.picture(step.number, "preview", single)


def _postfix(run: Run) -> str:
    shown = run.shown
    parts = [f"loss {shown.loss:.4f}"]
    if run.curve.points:
        point = run.curve.points[-1]
        parts.append(f"gain {point.gain:.4f} ± {point.gain_interval:.4f}")
    return ", ".join([*parts, f"{shown.samples_per_second:.3g} samples/s"])


def _scalars(step: Step) -> dict[str, float]:
    return {
        "train/loss": step.loss,
        "train/learning_rate": step.learning_rate,
        "train/gradient_norm": step.gradient_norm,
        "train/samples_per_second": step.samples_per_second,
    }


def _gain_scalars(point: GainPoint) -> dict[str, float]:
    values = {"gain/control": point.gain, "gain/control_interval": point.gain_interval}
    values |= {
        "gain/wrong_condition": point.shuffled_gain,
        "gain/wrong_condition_interval": point.shuffled_gain_interval,
    }
    for band in point.bands:
        values |= {f"gain_by_noise/{band.name}": band.gain, f"wrong_by_noise/{band.name}": band.shuffled_gain}
    return {**values, "held_out/loss": point.with_}
