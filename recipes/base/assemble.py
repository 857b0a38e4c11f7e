"""Step 5 of the base's recipe: the trained parts as the folder that ships, in half precision, with its model card.

    python recipes/base/assemble.py --pipeline state/denoiser/pipeline --vae state/decoder/vae \\
        --out src/zeroconv/models/tiny

The folder runs in `StableDiffusionPipeline.from_pretrained` unchanged. `--vae` may name an autoencoder whose decoder
was trained further: its encoder must be the one the U-Net learnt with.
"""

import argparse
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL

sys.path.append(str(Path(__file__).parents[1]))
from halve import halve
from network import write_index

CARD = Path(__file__).parent / "MODEL_CARD.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", type=Path, required=True)
    parser.add_argument("--vae", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    source, out = arguments.pipeline, arguments.out
    vae = arguments.vae or source / "vae"
    ours, theirs = AutoencoderKL.from_pretrained(vae), AutoencoderKL.from_pretrained(source / "vae")
    for module in ("encoder", "quant_conv"):
        pairs = zip(getattr(ours, module).parameters(), getattr(theirs, module).parameters(), strict=True)
        if not all(torch.equal(a, b) for a, b in pairs):
            raise SystemExit(f"{vae}: its {module} is not the one the U-Net was trained with")
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    halve(source / "unet", out / "unet")
    halve(vae, out / "vae")
    # Older transformers expect the prefix and would start at random without it; newer ones read both.
    halve(source / "text_encoder", out / "text_encoder", prefix="text_model.")
    shutil.copytree(source / "tokenizer", out / "tokenizer")
    shutil.copytree(source / "scheduler", out / "scheduler")
    write_index(out)
    if CARD.exists():
        shutil.copy(CARD, out / "README.md")
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
