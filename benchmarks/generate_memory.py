"""The peak memory of one picture under one ControlNet, at the full SD 1.5 size with random weights, without a GPU.

    python benchmarks/generate_memory.py [--size 512] [--steps 2] [--dtype bfloat16] [--stored float16] [--threads 1]

Each row is a process of its own that loads base and ControlNet from the disk and makes one picture: `zeroconv generate`
without and with --low-memory, and diffusers' StableDiffusionControlNetPipeline. Peak: VmHWM of /proc (Linux), which
counts the pages of mapped files too; of it, after the libraries were imported: what Python and they take.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image

WAYS = ("zeroconv", "zeroconv --low-memory", "diffusers")
PROMPT = "a red house"


def peak() -> int:
    """The most bytes of this process that were in memory at once."""
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) * 1024


def write_inputs(folder: Path, stored: torch.dtype, size: int) -> None:
    """A base and a ControlNet of SD 1.5's size in diffusers folders, and edges to follow."""
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    torch.set_default_dtype(stored)
    levels = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, down_block_types=levels)
    ControlNetModel.from_unet(unet).to(stored).save_pretrained(folder / "control")
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12)
    four = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "sample_size": 512}
    types = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    StableDiffusionPipeline(
        vae=AutoencoderKL(**four, **types),
        text_encoder=CLIPTextModel(text),
        tokenizer=_tokenizer(folder / "tokenizer"),
        unet=unet,
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(stored).save_pretrained(folder / "base")
    edges = Image.new("L", (size, size))
    edges.paste(255, (size // 4, size // 4, size // 2, size // 4 + 2))
    edges.convert("RGB").save(folder / "edges.png")


def _tokenizer(folder: Path) -> object:
    """CLIP's form with single bytes as its vocabulary: what the words are does not matter here."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(pieces)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True, model_max_length=77)


def measure(way: str, folder: Path, dtype: str, steps: int, size: int) -> dict[str, float]:
    """Peak bytes and seconds of one picture, in this process."""
    import diffusers
    import transformers  # noqa: F401

    _ = diffusers.StableDiffusionControlNetPipeline, diffusers.AutoencoderKL
    imported, began = peak(), time.perf_counter()
    if way == "diffusers":
        _run_diffusers(folder, getattr(torch, dtype), steps)
    else:
        from zeroconv.cli import main

        control = f"canny={folder / 'edges.png'},ready=yes,checkpoint={folder / 'control'}"
        flags = ["--base", str(folder / "base"), "--control", control, "--prompt", PROMPT, "--device", "cpu"]
        flags += ["--dtype", dtype, "--steps", str(steps), "--size", f"{size}x{size}"]
        flags += ["--out", str(folder / way.replace(" ", "")), *way.split()[1:]]
        if main(["generate", *flags]):
            raise SystemExit("no picture")
    return {"imported": imported, "peak": peak(), "seconds": time.perf_counter() - began}


def _run_diffusers(folder: Path, dtype: torch.dtype, steps: int) -> None:
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    controlnet = ControlNetModel.from_pretrained(folder / "control", torch_dtype=dtype)
    pipe = StableDiffusionControlNetPipeline.from_pretrained(
        folder / "base", controlnet=controlnet, torch_dtype=dtype, safety_checker=None
    )
    edges = Image.open(folder / "edges.png")
    pipe(PROMPT, image=edges, num_inference_steps=steps, generator=torch.Generator().manual_seed(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--stored", default="float16", help="the number type of the files")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.one:
        print(json.dumps(measure(args.one[0], Path(args.one[1]), args.dtype, args.steps, args.size)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        write_inputs(Path(temporary), getattr(torch, args.stored), args.size)
        print(f"{args.size} pixels, {args.steps} steps, {args.dtype}, files in {args.stored}, {args.threads} threads")
        print(f"{'':24}{'peak GB':>10}{'of it libraries':>18}{'seconds':>10}")
        for way in WAYS:
            command = [sys.executable, __file__, *sys.argv[1:], "--one", way, temporary]
            done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
            row = json.loads(done.stdout.splitlines()[-1])
            sizes = f"{row['peak'] / 1e9:10.2f}{row['imported'] / 1e9:18.2f}"
            print(f"{way:24}{sizes}{row['seconds']:10.0f}", flush=True)


if __name__ == "__main__":
    main()
