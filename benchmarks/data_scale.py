"""What an example costs on its way to a step: bytes on disk, bytes of memory while it is listed, processor time.

    python benchmarks/data_scale.py [--size 512] [--examples 64] [--listed 20000]

The cache is a real one of rendered scenes, in the latent shape of Stable Diffusion (factor 8, four channels); its
encoder has random weights, which change nothing about sizes. docs/scaling.md derives its figures from this output.
"""

import argparse
import io
import tarfile
import tempfile
import time
import tracemalloc
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from PIL import Image
from torch import nn

from zeroconv.base import BaseModel
from zeroconv.data.batches import order
from zeroconv.data.cache import EncodedExamples, fill
from zeroconv.data.folder import FolderSource
from zeroconv.data.scenes import SceneSource
from zeroconv.data.sources import extraction_of


def encoder_base() -> BaseModel:
    """A base of which only the autoencoder is used: factor 8, 4 channels, narrow and random."""
    widths = (8, 8, 8, 8)
    vae = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        norm_num_groups=4,
        latent_channels=4,
    )
    return BaseModel("encoder", nn.Conv2d(4, 4, 1), vae, (), (), DDIMScheduler())  # type: ignore[arg-type]


def cache_row(condition: str, size: int, count: int) -> str:
    """Bytes an example, and examples read in random order a processor second, of a cache with this condition."""
    source = SceneSource(count, extraction_of(condition, {}), size=size)
    with tempfile.TemporaryDirectory() as folder:
        for _ in fill(Path(folder), encoder_base(), source):
            pass
        stored = sum(path.stat().st_size for path in Path(folder).iterdir())
        examples = EncodedExamples(Path(folder), count)
        began = time.process_time()
        for index in order(count, seed=0, epoch=0):
            examples[index].condition_values()
        speed = count / (time.process_time() - began)
    return f"cache, {condition} at {size} px: {stored / count:,.0f} bytes an example, {speed:,.0f} read a second"


def write_shard(path: Path, count: int) -> None:
    """A tar shard of pictures, captions and conditions as small as can be, named as real ones are."""
    pixel = io.BytesIO()
    Image.new("RGB", (1, 1)).save(pixel, "PNG")
    caption = b"a red house with a white fence under a blue sky, a tree to the left of it"
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            for kind, content in (("png", pixel.getvalue()), ("txt", caption), ("canny.png", pixel.getvalue())):
                info = tarfile.TarInfo(f"{number:09d}.{kind}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def listing_row(count: int) -> str:
    """Memory and processor time of the list of all examples that a source of tar shards keeps."""
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder) / "00000.tar", count)
        began = time.process_time()
        source = FolderSource.open(Path(folder), None, extraction_of("canny", {}), 512)
        seconds = time.process_time() - began
        tracemalloc.start()
        source = FolderSource.open(Path(folder), None, extraction_of("canny", {}), 512)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return (
        f"list of tar shards: {kept / len(source):,.0f} bytes and {seconds / count * 1e6:,.0f} microseconds an example"
    )


def order_row(count: int) -> str:
    """Memory of an epoch's order."""
    tracemalloc.start()
    began = time.process_time()
    indices = order(count, seed=0, epoch=0)
    seconds = time.process_time() - began
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return f"order of {len(indices):,}: {kept / count + 8:,.0f} bytes and {seconds / count * 1e9:,.0f} ns an example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--listed", type=int, default=20_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for condition in ("canny", "segmentation"):
        print(cache_row(condition, arguments.size, arguments.examples), flush=True)
    print(listing_row(arguments.listed), flush=True)
    print(order_row(1_000_000), flush=True)


if __name__ == "__main__":
    main()
