"""Compared systems that experiments need: trained on the same examples as ControlNets are, kept, and drawn with.

OUT/trainings/NAME/training.json  what was asked for: another training of the name is refused
OUT/trainings/NAME/log.jsonl      loss and seconds of each step
OUT/trainings/NAME/states/        from which a training that was cut short goes on; gone when it is finished
OUT/trainings/NAME/rival/         the result
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from zeroconv.base import BaseModel
from zeroconv.comparisons.learning import Learnt, Plan, learn
from zeroconv.comparisons.rival import Rival
from zeroconv.comparisons.saving import load_rival, save_rival
from zeroconv.data.batches import Batches
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import Picture, groups, to_pictures
from zeroconv.evaluation.measured import Asked
from zeroconv.evaluation.report import write_text
from zeroconv.generate import network_input
from zeroconv.progress import progress_bar
from zeroconv.reproduce.bench import Bench, images
from zeroconv.reproduce.trainings import HELD_OUT, SCENES, Training
from zeroconv.training.config import TrainConfig
from zeroconv.training.examples import Preparation, training_examples
from zeroconv.training.processes import ALONE
from zeroconv.training.settings import settings_of
from zeroconv.weights import Sidecar

CHANNELS = 3
"""Of the condition images that compared systems read."""
PREPARED = 64
"""Batches of the recipe's seen before the first step: codebooks need some 256 pictures."""
RATES: Mapping[str, float] = {
    "direct fine-tuning": 1e-3,
    "LoRA fine-tuning": 3e-3,
    "LDM with concatenated condition": 3e-4,
    "T2I-Adapter": 1e-3,
    "PITI": 3e-4,
    "Taming Transformers": 1e-3,
    "Depth-to-image (SD v2)": 3e-4,
    "Sketch-Guided Diffusion": 1e-3,
}
"""Learning rates by the systems' names; one that is not here learns at the recipe's. benchmarks/rival_rates.py"""


@dataclass(frozen=True, eq=False)
class LearntSystem:
    """A system that has been trained."""

    rival: Rival
    seconds: float
    """Spent in its steps, in all sittings."""


def learnt(
    bench: Bench,
    name: str,
    condition: str,
    kind: Callable[[BaseModel], Rival],
    *,
    scenes: int = SCENES,
    held_out: int = HELD_OUT,
    prepared: int = PREPARED,
    pictures: Path | None = None,
    **changes: Any,
) -> LearntSystem:
    """The system that `kind` makes for the base, trained as far as it lies in bench.out/trainings/NAME not yet.

    Examples, their order and all that is drawn for them are those of a ControlNet by `trained` with the same seed,
    whose recipe it has but for its own rate and the `changes`; kind's own chance comes from that seed too. Killed at
    any moment it goes on with the same call. prepared: batches that it sees before the first step. pictures: a folder
    to learn from in place of scenes. UserError where the folder holds another training.
    """
    folder = bench.out / "trainings" / name

    def seeded(base: BaseModel) -> Rival:
        with torch.random.fork_rng():
            torch.manual_seed(changes.get("seed", TrainConfig.seed))
            return kind(base)

    rival = seeded(bench.base)
    if rival.name in RATES:
        changes = {"learning_rate": RATES[rival.name], **changes}
    training = Training(name, condition, scenes, held_out, changes, pictures)
    config = settings_of(bench.base, ALONE, None, training.settings)
    plan = _plan(config, prepared)
    _open(folder, _asked(training, rival, config, plan))
    if (folder / "rival").exists():
        rival = load_rival(seeded, bench.base, folder / "rival")
    else:
        _train(bench, training, rival, config, plan)
        save_rival(rival, plan, folder / "rival")
        shutil.rmtree(folder / "states")
    return LearntSystem(rival, _seconds(folder))


def drawn_by(
    bench: Bench, rival: Rival, condition: str, asked: Sequence[Asked], prompts: Sequence[str], *, what: str
) -> tuple[Picture, ...]:
    """A picture for each prompt under its condition image, from the same noise as all that the bench draws."""
    base, sampler, drawn = bench.base, bench.drawing, []
    pictures = images(asked)
    for numbers in bench.progress(groups(range(len(prompts)), sampler.batch), what):
        read = [network_input(condition, Image.fromarray(pictures[k]), CHANNELS, Sidecar()) for k in numbers]
        told, seeds = [prompts[k] for k in numbers], [sampler.seed + k for k in numbers]
        drawn += to_pictures(rival.draw(told, torch.cat(read).to(base.device, base.dtype), seeds, sampler))
    return tuple(drawn)


def _plan(config: TrainConfig, prepared: int) -> Plan:
    shared = asdict(config).keys() & Plan.__dataclass_fields__.keys()
    return Plan(**{name: getattr(config, name) for name in shared}, prepared=prepared)


def _asked(training: Training, rival: Rival, config: TrainConfig, plan: Plan) -> dict[str, Any]:
    """All that decides what is learnt, but for the base, which rival.json names."""
    return {
        "system": rival.name,
        "condition": training.condition,
        "scenes": training.scenes,
        "held_out": training.held_out,
        "seed": config.seed,
        "prompt_drop": config.prompt_drop,
        "timestep_power": config.timestep_power,
        **asdict(plan),
    }


def _open(folder: Path, asked: Mapping[str, Any]) -> None:
    """Makes the folder and writes down what is asked for, or checks that it is what was asked for before."""
    record = folder / "training.json"
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(record, json.dumps(asked, indent=2) + "\n")
    had = json.loads(record.read_text("utf-8"))
    for name, value in asked.items():
        if had.get(name) != value:
            raise UserError(
                f"{folder} holds a training with {name} = {had.get(name)}, not {value}; choose another --out"
            )


def _train(bench: Bench, training: Training, rival: Rival, config: TrainConfig, plan: Plan) -> None:
    folder, condition = bench.out / "trainings" / training.name, extraction_of(training.condition, {})
    source, _ = open_source(training.data, condition, bench.base.native_size).split(training.held_out)
    examples = training_examples(Preparation(bench.base, condition, bench.cache, bench.workers), source, [], config)
    batches = Batches(
        examples, bench.base, plan.batch_size, config.seed, config.prompt_drop, timestep_power=config.timestep_power
    )
    with progress_bar(total=plan.steps, desc=training.name, unit="step") as bar:
        for step in learn(rival, batches, plan, folder=folder / "states"):
            _log(folder, step, plan)
            bar.update(step.step - bar.n)


def _log(folder: Path, step: Learnt, plan: Plan) -> None:
    line = {"step": step.step, "loss": step.loss, "seconds": plan.batch_size / step.samples_per_second}
    with (folder / "log.jsonl").open("a") as file:
        file.write("\n" + json.dumps(line))  # so that a line cut short spoils no other


def _seconds(folder: Path) -> float:
    """Of all steps; those that a kill undid count once, as they were taken last."""
    seconds = {}
    for line in (folder / "log.jsonl").read_text().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        seconds[told["step"]] = float(told["seconds"])
    return sum(seconds.values())
