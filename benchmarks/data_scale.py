"""What an example costs on its way to a step: bytes on disk, bytes of memory while it is listed, processor time.

    python benchmarks/data_scale.py [--size 512] [--examples 64] [--listed 20000] [--files 0] [--folder FOLDER]

The cache is a real one of rendered scenes, in the latent shape of Stable Diffusion (factor 8, four channels); its
encoder has random weights, which change nothing about sizes. docs/scaling.md derives its figures from this output.
With --files N, reading from the disk of FOLDER is timed too, of so many cache files (42 MB each at 512 pixels) that the
system has been told to forget, in the order of all examples and in that of a window.
"""

import argparse
import io
import json
import os
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
from zeroconv.data.cache import EncodedExamples, fill
from zeroconv.data.extraction import extraction_of
from zeroconv.data.folder import FolderSource
from zeroconv.data.order import BLOCK, order
from zeroconv.data.scenes import SceneSource
from zeroconv.tensor_files import write_tensors

PAGE = 4096
"""Bytes that a system reads at least."""
WINDOW = 16
"""Files that are mixed at a time where reading in sequence is measured."""


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


def write_files(folder: Path, size: int, files: int) -> None:
    """Cache files of noise, whose grey conditions and latents are as large as real ones."""
    texts = json.dumps([f"{row}" for row in range(BLOCK)])
    chance = torch.Generator().manual_seed(0)
    for number in range(files):
        tensors = {
            "latents": torch.randn(BLOCK, 4, size // 8, size // 8, generator=chance),
            "conditions": torch.randint(256, (BLOCK, 1, size, size), generator=chance, dtype=torch.uint8),
        }
        path = folder / f"{number * BLOCK:08d}-{(number + 1) * BLOCK:08d}.safetensors"
        write_tensors(tensors, path, {"names": texts, "captions": texts, "channels": "3"})
        with path.open("rb") as file:
            os.fsync(file.fileno())


def forget(folder: Path) -> None:
    """Asks the system to drop what it keeps of the files in memory."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_row(folder: Path, files: int, window: int) -> str:
    """Examples read a second of an epoch through files that lie on the disk alone, and how many bytes that read.

    Of each page of an example one value is looked at: what a processor does with them is timed above.
    """
    forget(folder)
    count, before = files * BLOCK, bytes_read()
    examples = EncodedExamples(folder, count, window=window)
    began = time.perf_counter()
    for index in order(count, seed=0, epoch=0, window=window):
        example = examples[index]
        example.latent.flatten()[:: PAGE // 4].sum(), example.condition[0].flatten()[::PAGE].sum()
    seconds = time.perf_counter() - began
    way = f"windows of {window} files" if window else "any order"
    read = (bytes_read() - before) / count
    return f"from the disk in {way}: {count / seconds:,.0f} examples a second, {read:,.0f} bytes read for each"


def bytes_read() -> int:
    """Bytes that the disk has given to this process (Linux)."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


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


def order_row(count: int, window: int) -> str:
    """Time of an epoch's order; its memory is a number of 8 bytes an example, or with a window a block."""
    began = time.process_time()
    for _ in order(count, seed=0, epoch=0, window=window):
        pass
    seconds = time.process_time() - began
    way = f" by windows of {window}" if window else ""
    return f"order of {count:,}{way}: {seconds / count * 1e9:,.0f} ns an example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--listed", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for condition in ("canny", "segmentation"):
        print(cache_row(condition, arguments.size, arguments.examples), flush=True)
    print(listing_row(arguments.listed), flush=True)
    for window in (0, WINDOW):
        print(order_row(1_000_000, window), flush=True)
    if arguments.files:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            write_files(Path(folder), arguments.size, arguments.files)
            for window in (0, WINDOW) * 3:
                print(disk_row(Path(folder), arguments.files, window), flush=True)


if __name__ == "__main__":
    main()
