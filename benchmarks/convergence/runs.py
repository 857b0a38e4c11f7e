"""The trainings that are compared: the paper's recipe at many settings, ours, other architectures, and planted faults.

All learn Canny edges on the embedded base from the same scenes. A training is a number of samples, so that batches of
different sizes are compared at equal cost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zeroconv.training.config import TrainConfig

SAMPLES = 12_000
RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Learning rates of the baseline: the paper's own, then those that may suit a small base."""
BATCHES = (4, 16)


@dataclass(frozen=True)
class Run:
    """One training of the study."""

    name: str
    settings: Mapping[str, Any]
    """Of TrainConfig; what is left out is its default, which is the paper's recipe."""
    fault: str = ""
    """What is wrong with the data, one of faults.FAULTS."""
    released_start: bool = False
    """Whether the condition encoder starts as the released code's does, in place of ours."""
    samples: int = SAMPLES

    @property
    def config(self) -> TrainConfig:
        """The settings in full."""
        return TrainConfig(**{"batch_size": 4, **self.settings}, steps=self.samples // self.settings["batch_size"])

    def describe(self) -> dict[str, Any]:
        """All that decides what comes out."""
        return {
            "settings": asdict(self.config),
            "fault": self.fault,
            "released_start": self.released_start,
            "samples": self.samples,
        }


def paper(batch: int, rate: float, seed: int = 0) -> Run:
    """The paper's recipe: a constant rate of AdamW, no warm-up, no average, the released start."""
    settings = {"batch_size": batch, "learning_rate": rate, "seed": seed}
    return Run(f"paper-{batch}-{rate:g}{_seed(seed)}", settings, released_start=True)


@dataclass(frozen=True)
class Ours:
    """Our recipe for small bases, and what differs from it."""

    name: str = "ours"
    changes: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    released_start: bool = False
    samples: int = SAMPLES

    def __call__(self, seed: int = 0) -> Run:
        """The training with this seed."""
        usual = {"batch_size": 12, "learning_rate": 5e-4, "warm_up": 50, "decay": 0.4, "ema": 0.99}
        settings = {**usual, "seed": seed, **self.changes}
        return Run(self.name + _seed(seed), settings, self.fault, self.released_start, self.samples)


_SOONER = {"batch_size": 4, "learning_rate": 1.2e-3, "warm_up": 20, "ema": 0.98}
VARIED = (
    Ours(),
    Ours("sooner", _SOONER),
    Ours("sooner-3000", _SOONER, samples=3000),
    Ours("ours-released-start", released_start=True),
    Ours("ours-min-snr", {"min_snr": 5.0}),
    Ours("ours-batch-4", {"batch_size": 4, "learning_rate": 3e-4}),
    Ours("ours-rate-1e-3", {"learning_rate": 1e-3}),
    Ours("ours-rate-2e-3", {"learning_rate": 2e-3}),
    Ours("ours-joints-4", {"joint_rate": 4.0}),
    Ours("ours-noisy", {"timestep_power": 0.65}),
)
ARCHITECTURES = tuple(Ours(name, {"variant": name}) for name in ("lite", "gaussian", "middle", "modulation"))
FAULTY = (
    Ours("few-100", fault="few-100"),
    Ours("few-1000", fault="few-1000"),
    Ours("mispaired", fault="mispaired"),
    Ours("half-mispaired", fault="half-mispaired"),
    Ours("shifted", fault="shifted"),
    Ours("blank", fault="blank"),
    Ours("rate-too-small", {"learning_rate": 1e-6}),
    Ours("rate-too-large", {"learning_rate": 1e-2, "warm_up": 0}),
)


def all_runs() -> Iterator[Run]:
    """Every training, those first of which most is learnt."""
    yield Ours()()
    yield from (paper(16, rate) for rate in RATES)
    yield from (one() for one in (*FAULTY, *ARCHITECTURES, *VARIED[1:]))
    yield from (paper(4, rate) for rate in RATES)


def run_of(name: str) -> Run:
    """The training of this name; ours and the paper's take a seed as `ours:2`, `paper-16-0.001:2`."""
    plain, _, seed = name.partition(":")
    makers = {one.name: one for one in (*VARIED, *ARCHITECTURES, *FAULTY)}
    if plain in makers:
        return makers[plain](int(seed or 0))
    _, batch, rate = plain.split("-", 2)
    return paper(int(batch), float(rate), int(seed or 0))


def folder_of(name: str) -> str:
    """Of a training: colons are not for the names of files everywhere."""
    return name.replace(":", "-seed")


def name_of(folder: str) -> str:
    """The other way round."""
    return folder.replace("-seed", ":")


def _seed(seed: int) -> str:
    return f":{seed}" if seed else ""
