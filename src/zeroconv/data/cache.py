"""Latents and condition images on disk, computed once: a training step then needs neither autoencoder nor renderer.

A cache is a folder of shards, each a safetensors file of consecutive examples written whole or not at all, so that
an interrupted fill goes on where it stopped. The folder's name is a hash of all that its content depends on: the
encoder's weights, the source, its first three examples bit by bit, and the condition. A cache is therefore never stale.
Latents are the posterior's mean in float32, with its standard deviation beside it where that is asked for; conditions
are uint8.

C latent channels, h w latent height and width, N condition channels, H W pixels.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from zeroconv.base import BaseModel
from zeroconv.base.hashing import weights_hash
from zeroconv.data.extraction import Extraction
from zeroconv.data.order import BLOCK
from zeroconv.data.reading import read_spans
from zeroconv.data.records import Example, Sizes
from zeroconv.data.sources import Source
from zeroconv.images import atomic_write
from zeroconv.tensor_files import write_tensors

SCHEMA = 1
LATENTS, DEVIATIONS = "latents", "deviations"
SHARD = BLOCK
"""Examples per file: some seconds of work, so that little is lost by an interruption."""
MAPPED = 32_768
"""Files open at once, 4 million examples: Linux grants a process 65,530 mappings."""


@dataclass(frozen=True)
class Encoded:
    """One example as training needs it."""

    name: str
    latent: Tensor
    """(C, h, w) float32, scaled."""
    caption: str
    condition: Tensor
    """(N, H, W) uint8."""
    index: int
    value_range: tuple[float, float] = (0.0, 1.0)
    """What 0 and 255 of the condition mean to the network."""
    deviation: Tensor | None = None
    """(C, h, w) float32, of the latent, which is the mean then; None: the mean is what is trained on."""
    sizes: Sizes | None = None
    """What a base that is told sizes is told of this picture; None: its native size."""

    def condition_values(self) -> Tensor:
        """The condition (N, H, W) float32 as the network is to see it."""
        black, white = self.value_range
        return self.condition.float() / 255 * (white - black) + black


class EncodedExamples:
    """The examples of a filled cache; files are mapped into memory, so that the system keeps what is used often.

    A file is opened when the first of its examples is wanted, and those used last stay open.
    """

    def __init__(
        self, folder: Path, count: int, value_range: tuple[float, float] = (0.0, 1.0), *, window: int = 0
    ) -> None:
        """The first `count` examples. Raises FileNotFoundError where the cache is not filled that far.

        window  how many files are read at a time, each then as a whole and in one go; 0: any example of any.
        """
        if missing := num_missing(folder, count):
            raise FileNotFoundError(f"{folder} lacks {missing} of {count} examples")
        self.count, self.value_range = count, value_range
        self._shard = lru_cache(2 * window or MAPPED)(partial(_open, folder, count, at_once=window > 0))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Encoded:
        if not 0 <= index < self.count:
            raise IndexError(f"example {index} of {self.count}")
        shard, row = self._shard(index // SHARD), index % SHARD
        return Encoded(
            shard.names[row],
            shard.latents[row],
            shard.captions[row],
            shard.condition(row),
            index,
            self.value_range,
            None if shard.deviations is None else shard.deviations[row],
            shard.sizes[row],
        )


class _Shard:
    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            self.latents = file.get_tensor(LATENTS)
            self.conditions = file.get_tensor("conditions")
            self.deviations = file.get_tensor(DEVIATIONS) if DEVIATIONS in file.keys() else None  # noqa: SIM118
            about = file.metadata()
        self.names: list[str] = json.loads(about["names"])
        self.captions: list[str] = json.loads(about["captions"])
        self.channels = int(about["channels"])
        told = json.loads(about["sizes"]) if "sizes" in about else [None] * len(self.names)
        self.sizes: list[Sizes | None] = [sizes and tuple(sizes) for sizes in told]

    def condition(self, row: int) -> Tensor:
        condition: Tensor = self.conditions[row]
        return condition.expand(self.channels, -1, -1)


def cache_folder(
    root: Path,
    base: BaseModel,
    source: Source,
    extraction: Extraction,
    *,
    with_deviation: bool = False,
    encoder: str | None = None,
) -> Path:
    """The folder below `root` for these examples, named by a hash of everything that they depend on.

    How many there are is no part of it: a longer source goes on in the folder of a shorter one.
    encoder  the hash of the image encoder's weights, where it is known already.
    """
    about = {
        "schema": SCHEMA,
        "encoder": encoder or encoder_hash(base),
        "source": source.describe(),
        "condition": {"name": extraction.name, "options": extraction.options},
        "examples": [_example_hash(example) for example in source.read(range(min(3, len(source))))],
        **({"latents": "mean and deviation"} if with_deviation else {}),
    }
    return root / hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


def fill(
    folder: Path,
    base: BaseModel,
    source: Source,
    *,
    workers: int = 0,
    with_deviation: bool = False,
    part: int = 0,
    parts: int = 1,
) -> Iterator[int]:
    """Computes the examples that `folder` lacks; yields how many are ready after each file.

    workers  processes that read the source while this one encodes; 0 does both here.
    with_deviation  keeps the standard deviation of the latents beside their mean.
    part     which of `parts` shares of the files is filled: one process each, and all of them fill the whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spans = _ranges(len(source))[part::parts]
    missing = [span for span in spans if not (folder / _file(*span)).exists()]
    ready = _count(spans) - _count(missing)
    yield ready
    for (start, stop), examples in zip(missing, read_spans(source, missing, workers), strict=True):
        _write(folder / _file(start, stop), base, examples, with_deviation)
        ready += stop - start
        yield ready


def num_examples(count: int, part: int, parts: int) -> int:
    """How many of `count` examples lie in the files that `part` fills."""
    return _count(_ranges(count)[part::parts])


def num_missing(folder: Path, count: int) -> int:
    """How many of `count` examples a fill would still have to compute."""
    return _count([span for span in _ranges(count) if not (folder / _file(*span)).exists()])


def encoder_hash(base: BaseModel) -> str:
    """The hash of the part of the autoencoder that makes latents of pictures."""
    return weights_hash(nn.ModuleList([part for part in (base.vae.encoder, base.vae.quant_conv) if part is not None]))


def _example_hash(example: Example) -> str:
    digest = hashlib.sha256(example.caption.encode())
    for picture in (example.image, example.condition):
        digest.update(f"{picture.shape}".encode() + np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _ranges(count: int) -> list[tuple[int, int]]:
    return [(start, min(start + SHARD, count)) for start in range(0, count, SHARD)]


def _count(spans: list[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in spans)


def _file(start: int, stop: int) -> str:
    return f"{start:08d}-{stop:08d}.safetensors"


def _open(folder: Path, count: int, number: int, *, at_once: bool) -> _Shard:
    path = folder / _file(number * SHARD, min((number + 1) * SHARD, count))
    if at_once:
        _announce(path)
    return _Shard(path)


def _announce(path: Path) -> None:
    """Asks the system, where it can be asked, to read all of a file now: its examples will be wanted one by one."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def _write(path: Path, base: BaseModel, examples: list[Example], with_deviation: bool) -> None:
    conditions = torch.from_numpy(np.stack([example.condition for example in examples])).permute(0, 3, 1, 2)
    is_grey = bool((conditions == conditions[:, :1]).all())
    about = {
        "names": json.dumps([example.name for example in examples]),
        "captions": json.dumps([example.caption for example in examples]),
        "channels": str(conditions.shape[1]),
    }
    if any(example.sizes is not None for example in examples):
        about["sizes"] = json.dumps([example.sizes for example in examples])
    tensors = {
        **encode(base, examples, with_deviation=with_deviation),
        "conditions": (conditions[:, :1] if is_grey else conditions).contiguous(),
    }
    with atomic_write(path) as temporary:
        write_tensors(tensors, temporary, about)


@torch.no_grad()
def encode(
    base: BaseModel, examples: Sequence[Example], *, with_deviation: bool = False, together: int = 16
) -> dict[str, Tensor]:
    """The examples' pictures as scaled latents (B, C, h, w), float32 on the CPU, `together` of them at once.

    with_deviation  gives the standard deviation of the latents too, and their mean as latents.
    """
    pictures = torch.from_numpy(np.stack([example.image for example in examples])).permute(0, 3, 1, 2)
    parts = [part.to(base.device, base.dtype) / 127.5 - 1 for part in torch.split(pictures, together)]
    if with_deviation:
        means, deviations = zip(*map(base.encode_posterior, parts), strict=True)
        return {LATENTS: _joined(means), DEVIATIONS: _joined(deviations)}
    return {LATENTS: _joined([base.encode_image(part) for part in parts])}


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts)).float().cpu().contiguous()


def default_cache() -> Path:
    """Where caches live unless told otherwise: the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zeroconv"
