"""The course of a run: its steps with all that is observed and saved on the way, and its end."""

import signal
import time
from contextlib import closing
from dataclasses import asdict

from zeroconv.progress import progress_bar
from zeroconv.training.best import best_point, forget_replaced, step_of
from zeroconv.training.interruption import Interruption
from zeroconv.training.loop import Step, train
from zeroconv.training.observe import BAR, has_stalled, is_due, measure_start, observe, onset_of, say
from zeroconv.training.result import save_last, state_of
from zeroconv.training.run import Run
from zeroconv.training.state import save_state, saved_steps, to_record
from zeroconv.training.trackers import open_trackers


def loop(run: Run, interruption: Interruption) -> None:
    """Trains until the last step, the end of the run's patience or a signal; the state is saved at each."""
    done = run.record["step"] if run.record else 0
    if run.processes.is_first:
        run.trackers = open_trackers(
            run.tracked_by,
            run.folder.path,
            resumed_at=done if run.record else None,
            settings=asdict(run.config),
            is_cpu=run.base.device.type == "cpu",
        )
    with closing(run.trackers):
        measure_start(run)
        if done < run.config.steps and any(run.processes.largest(has_stalled(run))):
            print("its patience is at an end: a larger --patience, or 0, goes on")
            return
        _take_steps(run, interruption, done)


def finish(run: Run) -> None:
    """Saves the result with its summary and says where it lies; raises RuntimeError if what is locked has changed."""
    state = state_of(run)
    state.gather()
    if not run.processes.is_first:
        return
    save_last(run)
    if run.curve.points:
        last, best = run.curve.points[-1], best_point(run.curve.points)
        print(f"control gain on held-out examples: {last.gain:.4f} +- {last.gain_interval:.4f}")
        if run.folder.best.exists() and best is not None and step_of(run.folder.best) == best.step != last.step:
            print(f"the best was {best.gain:.4f} after step {best.step}; that ControlNet is in {run.folder.best}")
        if onset_of(run) is None:
            print("these measurements do not show that the condition is used yet")
    its_base = "" if run.config.unlock == "none" else f", its base in {run.folder.base}"
    print(
        f"{state.step} steps in {run.seconds / 60:.1f} minutes; the ControlNet is in {run.folder.controlnet}{its_base}"
    )


def save(run: Run) -> None:
    """Saves the whole state of the run, which all processes have and the first one writes."""
    assert run.state is not None
    record = to_record(run.state, run.config, {**run.about, "seconds": run.seconds})
    if not run.processes.is_first:
        return
    save_state(run.folder.states, record)
    forget_replaced(run.folder.best, run.folder.states, saved_steps(run.folder.states))


def _take_steps(run: Run, interruption: Interruption, done: int) -> None:
    began = time.perf_counter() - run.seconds
    with progress_bar(total=run.config.steps, initial=done, unit="step", bar_format=BAR) as bar:
        for step in train(
            run.base,
            run.controlnet,
            run.batches,
            run.config,
            held_out=run.held_out,
            resume=run.record,
            processes=run.processes,
        ):
            run.state, run.seconds = step.state, time.perf_counter() - began
            if is_due(step.number, run.config.preview_every):
                step.state.gather()
            if run.processes.is_first:
                observe(run, step, bar)
            is_over = _agreed(run, step, interruption)
            if is_over or is_due(step.number, run.config.save_every) or interruption.signal is not None:
                save(run)
            if interruption.signal is not None:
                bar.close()
                print(
                    f"stopped by {interruption.signal.name} after step {step.number}, which is saved; --resume goes on"
                )
                return
            if is_over:
                if step.number < run.config.steps:
                    say(
                        run, step.number, f"stopped early: no better control gain in {run.config.patience} measurements"
                    )
                return


def _agreed(run: Run, step: Step, interruption: Interruption) -> bool:
    """Whether this was the last step; a signal to one process, or what the first one measured, goes for all."""
    has_ended = step.number == run.config.steps or (step.gain is not None and has_stalled(run))
    is_over, number = run.processes.largest(has_ended, interruption.signal or 0)
    if number:
        interruption.signal = signal.Signals(int(number))
    return bool(is_over)
