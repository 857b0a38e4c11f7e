"""Step 2 of the base's recipe: the autoencoder (AutoencoderKL, factor 8, 8 latent channels) on the rendered shards.

    python recipes/base/autoencoder.py --shards state/scenes --out state/autoencoder --steps 16000 --threads 1

Writes state.pt (full state, a cut run goes on from it) and, at each check, the folder `vae` in the diffusers format
with latents whitened to mean 0 and spread 1 per channel. `--start vae` warm-starts from such a folder; with
`--decoder-only` its encoder stays as it is, so that a U-Net trained on its latents stays right.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from render import HELD_OUT_SEED, TRAINING_SEED
from shards import learning_rate, load_shards, load_state, save_state, to_images
from torch import Tensor

LATENT_CHANNELS = 8
WIDTHS = (16, 24, 48, 96)
KL_WEIGHT = 1e-4  # per latent number: keeps the posterior from collapsing to points, no more
CROP = 64  # most steps see crops: four times as many pictures for the same time


def build() -> AutoencoderKL:
    """An untrained autoencoder: 128 x 128 pictures to (8, 16, 16) latents."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(WIDTHS),
        up_block_types=("UpDecoderBlock2D",) * len(WIDTHS),
        block_out_channels=WIDTHS,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=128,
        scaling_factor=1.0,
    )


def batch(pictures: np.ndarray, step: int, size: int, crop: int) -> Tensor:
    """Random crops, mirrored half of the time; what step k sees depends on k alone."""
    random = np.random.default_rng((7, step))
    chosen = []
    for index in random.integers(0, len(pictures), size):
        top, left = random.integers(0, 128 - crop + 1, 2)
        piece = pictures[index, top : top + crop, left : left + crop]
        chosen.append(piece[:, ::-1] if random.random() < 0.5 else piece)
    return to_images(np.stack(chosen))


def reconstruction_loss(picture: Tensor, truth: Tensor, squared: float) -> Tensor:
    """L1 + `squared` times the squared error + L1 of the differences between neighbours, which keeps edges sharp."""
    error = picture - truth
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + squared * error.square().mean() + 0.5 * edges


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: np.ndarray) -> float:
    """Mean over pictures of the peak signal-to-noise ratio in dB, after rounding to 8 bits."""
    values = []
    for start in range(0, len(pictures), 8):
        truth = to_images(pictures[start : start + 8])
        decoded = vae.decode(vae.encode(truth).latent_dist.mode()).sample.clamp(-1, 1)
        error = ((decoded + 1) * 127.5).round() - (truth + 1) * 127.5
        values.append(10 * torch.log10(255**2 / error.square().mean((1, 2, 3))))
    return torch.cat(values).mean().item()


@torch.no_grad()
def whiten(vae: AutoencoderKL, pictures: np.ndarray) -> None:
    """Fold mean and spread of each latent channel into quant_conv and post_quant_conv, so that one scale is right."""
    latents = torch.cat(
        [vae.encode(to_images(pictures[k : k + 8])).latent_dist.mode() for k in range(0, len(pictures), 8)]
    )
    mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    vae.quant_conv.weight[:channels] /= spread[:, None, None, None]
    vae.quant_conv.bias[:channels] = (vae.quant_conv.bias[:channels] - mean) / spread
    vae.quant_conv.bias[channels:] -= 2 * spread.log()  # the log variance of the scaled posterior
    vae.post_quant_conv.bias += vae.post_quant_conv.weight[:, :, 0, 0] @ mean
    vae.post_quant_conv.weight *= spread[None, :, None, None]


def export(state: dict[str, Tensor], white: np.ndarray | None, held_out: np.ndarray, folder: Path) -> float:
    """Save a copy, whitened on the pictures `white` if there are any, and return its PSNR on held-out pictures."""
    vae = build()
    vae.load_state_dict(state)
    vae.eval()
    if white is not None:
        whiten(vae, white)
    vae.save_pretrained(folder)
    return psnr(vae, held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start", type=Path, help="a vae folder to warm-start from")
    parser.add_argument("--squared", type=float, default=2.0, help="weight of the squared error, which PSNR measures")
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check-every", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    pictures = load_shards(arguments.shards, TRAINING_SEED, "rgb")
    held_out = load_shards(arguments.shards, HELD_OUT_SEED, "rgb")[:128]
    vae = AutoencoderKL.from_pretrained(arguments.start) if arguments.start else build()
    white = None if arguments.decoder_only else pictures[:512]
    if arguments.decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    learning = [p for p in vae.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, arguments.rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    average = {key: value.clone() for key, value in vae.state_dict().items()}
    first, seconds = 0, 0.0
    if state := load_state(arguments.out / "state.pt"):
        vae.load_state_dict(state["vae"])
        optimiser.load_state_dict(state["optimiser"])
        first, seconds, average = state["step"], state["seconds"], state["average"]
    clock = time.monotonic() - seconds
    for step in range(first, arguments.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.rate)
        is_late = step >= arguments.steps * 0.85
        truth = batch(pictures, step, arguments.batch // 4 if is_late else arguments.batch, 128 if is_late else CROP)
        posterior = vae.encode(truth).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step))
        decoded = vae.decode(posterior.mean + posterior.std * noise).sample
        loss = (
            reconstruction_loss(decoded, truth, arguments.squared)
            + KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            for key, value in vae.state_dict().items():
                average[key].lerp_(value, 1 - decay)
        done = step + 1
        if done % arguments.check_every == 0 or done == arguments.steps:
            seconds = time.monotonic() - clock
            save_state(
                arguments.out / "state.pt",
                vae=vae.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average,
                step=done,
                seconds=seconds,
            )
            quality = export(average, white, held_out, arguments.out / "vae")
            row = {"step": done, "seconds": round(seconds), "loss": round(loss.item(), 4), "psnr": round(quality, 2)}
            print(json.dumps(row), flush=True)
            with (arguments.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
