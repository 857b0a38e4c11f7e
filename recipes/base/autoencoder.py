"""Step 2 of the base's recipe: the autoencoder (AutoencoderKL, factor 8, 8 latent channels) on the rendered shards.

    python recipes/base/autoencoder.py --shards state/scenes --out state/autoencoder --steps 16000 --threads 1

Writes state.pt (full state, a cut run goes on from it) and, at each check, the folder `vae` in the diffusers format
with latents whitened to mean 0 and spread 1 per channel. `--start vae` warm-starts from such a folder; with
`--decoder-only` its encoder stays as it is, so that a U-Net trained on its latents stays right.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from render import HELD_OUT_SEED, TRAINING_SEED
from shards import autocast, begin, learning_rate, load_shards, load_state, save_state, take_steps, to_images
from torch import Tensor

LATENT_CHANNELS = 8
WIDTHS = (16, 24, 48, 96)
KL_WEIGHT = 1e-4  # per latent number: keeps the posterior from collapsing to points, no more
SIDE = 128
CROP = 64  # most steps see crops: four times as many pictures for the same time
ON_OBJECTS = 0.75  # share of the crops that are laid over an object, where the detail is
FULL_SIZE = 0.85  # share of the steps after which whole pictures are seen


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
        sample_size=SIDE,
        scaling_factor=1.0,
    )


class Crops:
    """Random crops, mirrored half of the time; what step k sees depends on k alone. Pictures lie on `device`."""

    def __init__(self, pictures: np.ndarray, instances: np.ndarray, device: str) -> None:
        self.pictures, self.device = torch.from_numpy(pictures).to(device), device
        self.anchors = torch.from_numpy(np.stack([_object_pixels(mask, k) for k, mask in enumerate(instances)]))

    def __call__(self, step: int, size: int, crop: int) -> Tensor:
        """`size` crops (size, 3, crop, crop) in [-1, 1]."""
        random = torch.Generator().manual_seed(7_000_003 + step)
        rows = torch.randint(0, len(self.pictures), (size,), generator=random)
        corners = torch.randint(0, SIDE - crop + 1, (size, 2), generator=random)
        picked = torch.randint(0, self.anchors.shape[1], (size,), generator=random)
        sway = torch.randint(-crop // 4, crop // 4 + 1, (size, 2), generator=random)
        over = (self.anchors[rows, picked].long() + sway - crop // 2).clamp(0, SIDE - crop)
        is_over = torch.rand(size, generator=random) < ON_OBJECTS
        corners = torch.where(is_over[:, None], over, corners)
        across = torch.arange(crop)
        is_mirrored = torch.rand(size, generator=random) < 0.5
        columns = corners[:, 1:] + torch.where(is_mirrored[:, None], across.flip(0), across)
        lines = corners[:, :1] + across
        places = (t.to(self.device) for t in (rows[:, None, None], lines[:, :, None], columns[:, None, :]))
        return to_images(self.pictures[tuple(places)])


def _object_pixels(mask: np.ndarray, seed: int, count: int = 16) -> np.ndarray:
    """(count, 2) uint8 places y, x on objects; anywhere in a picture without any."""
    places = np.argwhere(mask > 0) if mask.any() else np.argwhere(mask == 0)
    return places[np.random.default_rng(seed).integers(0, len(places), count)].astype(np.uint8)


def reconstruction_loss(picture: Tensor, truth: Tensor, squared: float, edges: float) -> Tensor:
    """L1 + `squared` times the squared error + `edges` times the L1 of the differences between neighbours."""
    error = picture - truth
    differences = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + squared * error.square().mean() + edges * differences


def _batches(pictures: np.ndarray, device: str, size: int = 16) -> Iterator[Tensor]:
    for start in range(0, len(pictures), size):
        yield to_images(torch.from_numpy(pictures[start : start + size]).to(device))


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: np.ndarray, device: str) -> float:
    """Mean over pictures of the peak signal-to-noise ratio in dB, after rounding to 8 bits."""
    values = []
    for truth in _batches(pictures, device):
        decoded = vae.decode(vae.encode(truth).latent_dist.mode()).sample.clamp(-1, 1)
        error = ((decoded + 1) * 127.5).round() - (truth + 1) * 127.5
        values.append(10 * torch.log10(255**2 / error.square().mean((1, 2, 3))))
    return torch.cat(values).mean().item()


@torch.no_grad()
def whiten(vae: AutoencoderKL, pictures: np.ndarray, device: str) -> None:
    """Fold mean and spread of each latent channel into quant_conv and post_quant_conv, so that one scale is right."""
    latents = torch.cat([vae.encode(batch).latent_dist.mode() for batch in _batches(pictures, device)])
    mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    vae.quant_conv.weight[:channels] /= spread[:, None, None, None]
    vae.quant_conv.bias[:channels] = (vae.quant_conv.bias[:channels] - mean) / spread
    vae.quant_conv.bias[channels:] -= 2 * spread.log()  # the log variance of the scaled posterior
    vae.post_quant_conv.bias += vae.post_quant_conv.weight[:, :, 0, 0] @ mean
    vae.post_quant_conv.weight *= spread[None, :, None, None]


class Trainer:
    """The autoencoder that learns, its moving average, and the pictures it learns from."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, device = arguments, arguments.device
        folder = arguments.shards
        self.pictures = load_shards(folder, TRAINING_SEED, "rgb")
        self.crops = Crops(self.pictures, load_shards(folder, TRAINING_SEED, "instances"), device)
        self.held_out = load_shards(folder, HELD_OUT_SEED, "rgb")[:128]
        self.vae = AutoencoderKL.from_pretrained(arguments.start) if arguments.start else build()
        self.vae.float().to(device)
        if arguments.decoder_only:
            self.vae.encoder.requires_grad_(False)
            self.vae.quant_conv.requires_grad_(False)
        self.learning = [p for p in self.vae.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.learning, arguments.rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=True
        )
        self.average = {key: value.clone() for key, value in self.vae.state_dict().items()}
        self.first, self.seconds = 0, 0.0
        if state := load_state(arguments.out / "state.pt", device):
            self.vae.load_state_dict(state["vae"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.first, self.seconds, self.average = state["step"], state["seconds"], state["average"]

    def step(self, step: int) -> Tensor:
        """One optimiser step -> the loss."""
        arguments = self.arguments
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.rate)
        is_late = step >= arguments.steps * FULL_SIZE
        truth = self.crops(step, *((max(1, arguments.batch // 4), SIDE) if is_late else (arguments.batch, CROP)))
        with autocast(arguments.device):
            posterior = self.vae.encode(truth).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step))
            decoded = self.vae.decode(posterior.mean + posterior.std * noise.to(truth.device)).sample
        loss = reconstruction_loss(decoded.float(), truth, arguments.squared, arguments.edges)
        loss = loss + KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimiser.step()
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.vae.state_dict().values()), 1 - decay)
        return loss.detach()

    def save(self, done: int, seconds: float) -> dict[str, float]:
        """Full state, then the averaged weights as a folder, whitened -> their PSNR in dB on held-out pictures."""
        save_state(
            self.arguments.out / "state.pt",
            vae=self.vae.state_dict(),
            optimiser=self.optimiser.state_dict(),
            average=self.average,
            step=done,
            seconds=seconds,
        )
        vae, device = build().to(self.arguments.device), self.arguments.device
        vae.load_state_dict(self.average)
        vae.eval()
        if not self.arguments.decoder_only:
            whiten(vae, self.pictures[:512], device)
        vae.save_pretrained(self.arguments.out / "vae")
        return {"psnr": psnr(vae, self.held_out, device)}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--batch", type=int, default=8, help="crops of 64 pixels a step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start", type=Path, help="a vae folder to warm-start from")
    parser.add_argument("--squared", type=float, default=5.0, help="weight of the squared error, which PSNR measures")
    parser.add_argument("--edges", type=float, default=1.0, help="weight of the error of neighbours' differences")
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check-every", type=int, default=1000)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    begin(arguments)
    take_steps(Trainer(arguments), arguments)


if __name__ == "__main__":
    main()
