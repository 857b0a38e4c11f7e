"""How long experiments will take, before anything is spent: from a few pictures drawn and rules for training."""

import time
from collections.abc import Sequence

from zeroconv.evaluation.report import aligned_table
from zeroconv.reproduce.bench import Bench
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.trainings import unprepared

TIMED = 4
"""Pictures drawn to find the pace."""
CONTROLLED = 1.6
"""What a picture under control costs, in pictures without: benchmarks/speed.py."""
SAMPLE = 1.5
"""What a training sample costs, in denoising steps of one picture with guidance, as measured on the embedded base."""
SCENE = 1.5
"""What it costs to render and to encode a scene for training, in the same unit."""


def seconds_per_picture(bench: Bench) -> float:
    """Of one picture without control, from some that are drawn twice, the first time to warm up."""
    for _ in range(2):
        started = time.perf_counter()
        bench.draw([""] * TIMED, what="timing")
        seconds = (time.perf_counter() - started) / TIMED
    return seconds


def expected_seconds(experiment: Experiment, bench: Bench, picture: float, scenes: int) -> float:
    """From the pictures an experiment draws, the samples it trains on and the scenes to be prepared for that."""
    step = picture / bench.drawing.steps
    drawn = experiment.pictures(bench.count) * picture * CONTROLLED
    return drawn + experiment.samples * SAMPLE * step + scenes * SCENE * step / (1 + bench.workers)


def table(experiments: Sequence[Experiment], bench: Bench, done: Sequence[str]) -> str:
    """A line an experiment and the sum."""
    picture = seconds_per_picture(bench) if len(done) < len(experiments) else 0.0
    lines, whole, prepared = list[tuple[str, ...]](), 0.0, set[str]()
    for experiment in experiments:
        seconds = 0.0
        if experiment.name not in done:
            scenes = sum(unprepared(bench, name) for name in set(experiment.trains_on) - prepared)
            seconds = expected_seconds(experiment, bench, picture, scenes)
            prepared |= set(experiment.trains_on)
        whole += seconds
        lines.append((experiment.name, experiment.where, _told(seconds)))
    return "\n".join(aligned_table([*lines, ("together", "", _told(whole))], "<<<"))


def _told(seconds: float) -> str:
    if not seconds:
        return "done already"
    return f"about {seconds / 60:.0f} minutes" if seconds < 2 * 3600 else f"about {seconds / 3600:.1f} hours"
