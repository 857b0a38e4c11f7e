"""What a run learns from and is measured on: every view of the examples, encoded once into the cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.data.batches import held_out_batches
from zeroconv.data.buckets import Bucket, buckets_of
from zeroconv.data.cache import Encoded, EncodedExamples, cache_folder, encoder_hash, fill, num_examples
from zeroconv.data.crop import RandomCrop
from zeroconv.data.extraction import Extraction
from zeroconv.data.records import Batch
from zeroconv.data.sources import Cuttable, Source
from zeroconv.data.views import Examples, Joined, Views
from zeroconv.errors import UserError
from zeroconv.progress import progress_bar
from zeroconv.training.config import TrainConfig
from zeroconv.training.onset import FEWEST
from zeroconv.training.processes import ALONE, Processes

HELD_OUT_TOGETHER = 16
"""Held-out examples measured at once."""


@dataclass(frozen=True)
class Preparation:
    """With what, and into which cache, sources are encoded."""

    base: BaseModel
    condition: Extraction
    cache: Path
    workers: int
    processes: Processes = ALONE
    """Those that fill the cache together, of which this is one."""

    def encoded(
        self, sources: Sequence[Source], what: str, *, with_deviation: bool = False, window: int = 0
    ) -> list[EncodedExamples]:
        """The examples of each source from the cache, which is filled as far as it is not.

        window  how many files of it are read at a time; 0: any example of any.
        """
        encoder = encoder_hash(self.base)
        value_range = conditions.kind(self.condition.name).value_range
        mine = {"part": self.processes.rank, "parts": self.processes.count}
        shares = [num_examples(len(source), **mine) for source in sources]
        folders, done = [], 0
        with progress_bar(total=sum(shares), desc=f"preparing {what}", unit="") as bar:
            for source, count in zip(sources, shares, strict=True):
                folder = cache_folder(
                    self.cache, self.base, source, self.condition, with_deviation=with_deviation, encoder=encoder
                )
                for ready in fill(
                    folder, self.base, source, workers=self.workers, with_deviation=with_deviation, **mine
                ):
                    bar.update(done + ready - bar.n)
                done += count
                folders.append(folder)
        self.processes.meet(what)
        places = zip(folders, sources, strict=True)
        return [EncodedExamples(folder, len(source), value_range, window=window) for folder, source in places]


def find_buckets(source: Source, base: BaseModel, config: TrainConfig) -> list[Bucket]:
    """The sizes to which the pictures are cut, told in one line; empty where all are squares of the native size."""
    if config.buckets == 1:
        return []
    shapes = _cuttable(source, "--buckets").shapes()
    buckets = buckets_of(shapes, base.native_size, base.multiple, config.buckets)
    print(f"buckets, width x height and how many pictures: {', '.join(map(str, buckets))}")
    return buckets


def training_views(source: Source, buckets: Sequence[Bucket], config: TrainConfig) -> list[list[Source]]:
    """What is encoded for training: each crop, then each crop in a mirror; each in its parts, one for each bucket."""
    parts = _parts(source, buckets)
    views = [[_cut(part, crop) for part in parts] for crop in _crops(config)]
    return views + [[part.mirrored() for part in view] for view in views] if config.flip else views


def training_examples(
    preparation: Preparation, source: Source, buckets: Sequence[Bucket], config: TrainConfig
) -> Examples:
    """The examples of a source, cut to their buckets, in all views that the settings ask for."""
    sources = [part for view in training_views(source, buckets, config) for part in view]
    encoded = preparation.encoded(
        sources, "training examples", with_deviation=config.sample_latents, window=config.shuffle_window
    )
    if len(encoded) == 1 and not buckets:
        return encoded[0]
    members: list[Sequence[int]] = [bucket.members for bucket in buckets] if buckets else [range(len(source))]
    joined = [Joined(encoded[start : start + len(members)], members) for start in range(0, len(encoded), len(members))]
    crops = len(_crops(config))
    return Views(joined[:crops], joined[crops:], config.flip)


def telling(examples: Examples) -> list[Encoded]:
    """The examples whose condition is not of one value throughout; all where fewer than FEWEST are.

    A picture without a person has an empty pose: its loss tells nothing of control, but widens every interval.
    """
    every = [examples[index] for index in range(len(examples))]
    found = [example for example in every if (example.condition != example.condition[:, :1, :1]).any()]
    return found if len(found) >= FEWEST else every


def held_out(base: BaseModel, examples: Examples, config: TrainConfig) -> list[Batch]:
    """Batches of at least two, since each example's condition is exchanged for another's."""
    together = HELD_OUT_TOGETHER - (len(examples) % HELD_OUT_TOGETHER == 1)
    return held_out_batches(base, examples, batch_size=together, seed=config.seed, prompt_drop=config.prompt_drop)


def _parts(source: Source, buckets: Sequence[Bucket]) -> list[Source]:
    """What is of one size."""
    if not buckets:
        return [source]
    pictures = _cuttable(source, "--buckets")
    return [pictures.part(bucket.members, bucket.size) for bucket in buckets]


def _crops(config: TrainConfig) -> list[RandomCrop | None]:
    if config.crop == "centre":
        return [None]
    return [RandomCrop(config.seed, number) for number in range(config.crops)]


def _cut(source: Source, crop: RandomCrop | None) -> Source:
    return source if crop is None else _cuttable(source, "--crop random").cut_at_random(crop)


def _cuttable(source: Source, flag: str) -> Cuttable:
    if not isinstance(source, Cuttable):
        raise UserError(f"{flag} is for pictures of one's own: rendered scenes are squares of the training size")
    return source
