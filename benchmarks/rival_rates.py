"""At which learning rate does each compared system learn best? Held-out loss after short trainings at several rates.

    python benchmarks/rival_rates.py [SYSTEM ...] --out runs/rates

The recipe is that of `zeroconv reproduce` but for the rate and the steps, and so are the scenes. The best rates belong
into zeroconv.reproduce.rivals.RATES. What is done is not done again.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from zeroconv import load_base
from zeroconv.base import BaseModel
from zeroconv.comparisons.concatenated import ConcatenatedLDM, DepthToImage
from zeroconv.comparisons.direct_fine_tuning import DirectFineTuning
from zeroconv.comparisons.latent_edges import LatentEdges
from zeroconv.comparisons.learning import Plan, learn
from zeroconv.comparisons.lora_fine_tuning import LoraFineTuning
from zeroconv.comparisons.rival import Rival
from zeroconv.comparisons.semantic_space import SemanticSpace
from zeroconv.comparisons.t2i_adapter import TrainedAdapter
from zeroconv.comparisons.token_transformer import TokenTransformer
from zeroconv.data.batches import Batches
from zeroconv.data.cache import default_cache
from zeroconv.data.extraction import extraction_of
from zeroconv.data.opening import open_source
from zeroconv.data.records import Batch
from zeroconv.data.views import Examples
from zeroconv.evaluation.report import aligned_table, write_text
from zeroconv.reproduce.rivals import PREPARED
from zeroconv.reproduce.trainings import HELD_OUT, RECIPE, SCENES
from zeroconv.training.config import TrainConfig
from zeroconv.training.examples import Preparation, held_out, training_examples

RATES = (1e-4, 3e-4, 1e-3, 3e-3)
SYSTEMS: dict[str, tuple[Callable[[BaseModel], Rival], str]] = {
    "direct": (DirectFineTuning, "canny"),
    "lora": (LoraFineTuning, "canny"),
    "ldm": (ConcatenatedLDM, "segmentation"),
    "adapter": (TrainedAdapter, "segmentation"),
    "piti": (SemanticSpace, "segmentation"),
    "taming": (TokenTransformer, "segmentation"),
    "depth": (DepthToImage, "depth"),
    "edges": (LatentEdges, "scribble"),
}
"""What makes it, and its condition."""


def examples_of(base: BaseModel, condition: str, cache: Path) -> tuple[Examples, Sequence[Batch]]:
    """The scenes that are trained on, and the held-out ones with fixed noise and time steps."""
    source, unseen = open_source(f"scenes:{SCENES}", extraction_of(condition, {}), base.native_size).split(HELD_OUT)
    assert unseen is not None
    preparation = Preparation(base, extraction_of(condition, {}), cache, workers=0)
    examples = training_examples(preparation, source, [], TrainConfig())
    return examples, held_out(base, preparation.encoded([unseen], "held-out examples")[0], TrainConfig())


def held_out_loss(name: str, rate: float, steps: int, cache: Path, out: Path) -> float:
    """Mean loss over the held-out examples after a training at this rate."""
    base = load_base("tiny")
    kind, condition = SYSTEMS[name]
    examples, unseen = examples_of(base, condition, cache)
    torch.manual_seed(0)
    rival = kind(base)
    shared = {key: value for key, value in RECIPE.items() if key in Plan.__dataclass_fields__}
    plan = Plan(**{**shared, "learning_rate": rate, "steps": steps, "prepared": PREPARED})
    folder = out / f"{name}-{rate:g}-{steps}"
    for _ in learn(rival, Batches(examples, base, plan.batch_size, seed=0), plan, folder=folder):
        pass
    with torch.no_grad():
        return float(torch.cat([rival.losses(batch) for batch in unseen]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(SYSTEMS)}; none: all")
    parser.add_argument("--out", type=Path, default=Path("runs/rates"))
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, metavar="RATE")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, ...]] = [("held-out loss", *(f"{rate:g}" for rate in arguments.rates))]
    for name in arguments.systems or SYSTEMS:
        losses = []
        for rate in arguments.rates:
            kept = arguments.out / f"{name}-{rate:g}-{arguments.steps}.json"
            if not kept.exists():
                loss = held_out_loss(name, rate, arguments.steps, arguments.cache, arguments.out)
                write_text(kept, json.dumps(loss) + "\n")
            losses.append(json.loads(kept.read_text("utf-8")))
        rows.append((name, *(f"{loss:.4f}" for loss in losses)))
        print("\n".join(aligned_table(rows, "<" + ">" * len(arguments.rates))), flush=True)


if __name__ == "__main__":
    main()
