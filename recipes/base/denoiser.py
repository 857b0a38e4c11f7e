"""Step 4 of the base's recipe: the U-Net, with the text encoder, on the latents of the rendered shards.

    python recipes/base/denoiser.py --shards state/scenes --vae state/autoencoder/vae --text state/text \\
        --out state/denoiser --steps 16000

v-prediction with zero terminal SNR (arXiv 2305.08891), the loss on objects weighted three times, 12 % empty and 4 %
vague prompts, Muon for the U-Net's matrices and AdamW for the rest, moving average of the weights; more of the noisy
time steps until the rate falls. Writes state.pt (a cut run goes on from it) and, at each check, the whole base as a
diffusers folder `pipeline` and a sheet of pictures. `--start` warm-starts from such a folder. On two cores, two
processes that share each batch are faster than two threads:

    torchrun --nproc-per-node 2 -- recipes/base/denoiser.py ...
"""

import argparse
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from network import build, noise_schedule, write_index
from optimisers import optimisers
from render import TRAINING_SEED
from shards import (
    autocast,
    begin,
    learning_rate,
    load_shards,
    load_state,
    save_state,
    shard_scenes,
    to_images,
    write_row,
)
from sheet import PROMPTS, draw, save_sheet
from text import tokenize
from torch import Tensor
from tqdm import trange
from transformers import CLIPTextModel, CLIPTokenizer
from workers import Workers

OBJECT_WEIGHT = 3.0
EMPTY_PROMPTS = 0.12
VAGUE_PROMPTS = 0.04
VAGUE = (
    "an image",
    "a picture",
    "a detailed picture",
    "a beautiful image",
    "a high-quality, detailed, and professional image",
    "the best quality, extremely detailed",
)  # prompts that name nothing, as people write them
HOLD = 0.7  # share of the steps at the full rate, so that a run can be made longer
TOWARDS_NOISE = 0.65  # power of the time step's quantile meanwhile: where and what things are is decided in much noise


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pictures: np.ndarray, device: str) -> Tensor:
    """Latents (N, C, 16, 16), the mean of the posterior."""
    batches = trange(0, len(pictures), 16, desc="encoding", mininterval=5)
    vae = vae.to(device)
    read = (torch.from_numpy(pictures[k : k + 16]).to(device) for k in batches)
    return torch.cat([vae.encode(to_images(batch)).latent_dist.mode().cpu() for batch in read])


class Trainer:
    """The two networks that learn, their moving average, and what they learn from."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.device, self.workers = arguments, arguments.device, Workers()
        start, self.text = arguments.start, arguments.text or arguments.start
        self.vae = AutoencoderKL.from_pretrained(arguments.vae).float().eval().requires_grad_(False)
        self.tokenizer = CLIPTokenizer.from_pretrained(self.text / "tokenizer")
        self.encoder = CLIPTextModel.from_pretrained(self.text / "text_encoder").float().train()
        channels = self.vae.config.latent_channels
        self.unet = UNet2DConditionModel.from_pretrained(start / "unet") if start else build(channels)
        self.unet.float()
        if self.device == "cpu":
            self.unet.set_attn_processor(AttnProcessor())  # faster than the fused kernel at these head sizes
        self.unet.to(self.device)
        self.encoder.to(self.device)
        self.parameters = [*self.unet.parameters(), *self.encoder.parameters()]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimisers = optimisers(self.unet, self.encoder, arguments.rate, arguments.muon, self.workers)
        self.first, self.seconds = 0, 0.0
        if state := load_state(arguments.out / "state.pt", self.device):
            self.unet.load_state_dict(state["unet"])
            self.encoder.load_state_dict(state["encoder"])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
            self.average = state["average"]
            self.first, self.seconds = state["step"], state["seconds"]
        self.alphas = noise_schedule().alphas_cumprod
        self.empty = tokenize(self.tokenizer, [""])
        self.vague = tokenize(self.tokenizer, list(VAGUE))

    def load_data(self) -> None:
        """Latents, object masks and token ids of all shards."""
        folder = self.arguments.shards
        cache = self.arguments.out / "latents.pt"  # remove it when shards or autoencoder change
        if not cache.exists() and self.workers.rank == 0:
            pictures = load_shards(folder, TRAINING_SEED, "rgb")
            save_state(cache, latents=encode_all(self.vae, pictures, self.device))
        self.workers.wait()
        self.latents = load_state(cache)["latents"]
        instances = load_shards(folder, TRAINING_SEED, "instances")
        self.objects = torch.from_numpy(instances.reshape(-1, 16, 8, 16, 8).max((2, 4)) > 0)
        self.ids = tokenize(self.tokenizer, [s.caption for s in shard_scenes(folder, TRAINING_SEED)])

    def loss(self, step: int) -> tuple[Tensor, Tensor]:
        """The weighted loss of this process's share of a batch and its part on objects.

        What step k sees depends on k alone, not on the number of processes.
        """
        random, size = torch.Generator().manual_seed(1_000_003 * (step + 1) + self.arguments.seed), self.arguments.batch
        rows = torch.randint(0, len(self.latents), (size,), generator=random)
        ids = self.ids[rows].clone()
        ids[torch.rand(size, generator=random) < EMPTY_PROMPTS] = self.empty
        vague = self.vague[torch.randint(0, len(self.vague), (size,), generator=random)]
        ids = torch.where(torch.rand(size, 1, generator=random) < VAGUE_PROMPTS, vague, ids)
        strata = (torch.arange(size) + torch.rand(size, generator=random)) / size
        power = TOWARDS_NOISE if step < HOLD * self.arguments.steps else 1.0
        timesteps = (strata**power * 1000).long().clamp(max=999)
        clean, noise = self.latents[rows], torch.randn(size, *self.latents.shape[1:], generator=random)
        signal = self.alphas[timesteps].sqrt().view(-1, 1, 1, 1)
        spread = (1 - self.alphas[timesteps]).sqrt().view(-1, 1, 1, 1)
        mask = self.objects[rows].float()
        weight = 1 + (OBJECT_WEIGHT - 1) * mask
        weight = weight / weight.mean()
        noisy, target = signal * clean + spread * noise, signal * noise - spread * clean
        mine = slice(self.workers.rank, None, self.workers.count)
        noisy, target, weight, mask, timesteps, ids = (
            part[mine].to(self.device) for part in (noisy, target, weight, mask, timesteps, ids)
        )
        with autocast(self.device):
            states = self.encoder(ids).last_hidden_state
            guess = self.unet(noisy, timesteps, states).sample
        error = (guess.float() - target).square().mean(1)
        return (error * weight).mean(), (error * mask).sum().detach() / mask.sum()

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """One optimiser step -> loss, loss on objects."""
        share = learning_rate(step, self.arguments.steps, 1.0, hold=HOLD)
        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["lr"] = group["peak"] * share
        loss, on_objects = self.loss(step)
        self.unet.zero_grad()
        self.encoder.zero_grad()
        loss.backward()
        self.workers.share_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        if step % 2 == 0:
            decay = min(self.arguments.average, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return loss.detach(), on_objects

    def save(self, done: int, seconds: float) -> None:
        """Full state, then the averaged weights as a folder and a sheet of pictures."""
        save_state(
            self.arguments.out / "state.pt",
            unet=self.unet.state_dict(),
            encoder=self.encoder.state_dict(),
            optimisers=[optimiser.state_dict() for optimiser in self.optimisers],
            average=self.average,
            step=done,
            seconds=seconds,
        )
        backup = [p.detach().clone() for p in self.parameters]
        for parameter, mean in zip(self.parameters, self.average, strict=True):
            parameter.data.copy_(mean)
        folder = self.arguments.out / "pipeline"
        self.unet.save_pretrained(folder / "unet")
        self.encoder.save_pretrained(folder / "text_encoder")
        self.vae.save_pretrained(folder / "vae")
        # Copied, since save_pretrained leaves out vocab.json and merges.txt, which older transformers read.
        shutil.copytree(self.text / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)
        noise_schedule().save_pretrained(folder / "scheduler")
        write_index(folder)
        latents = draw(self.unet, self.encoder, tokenize(self.tokenizer, list(PROMPTS)), self.empty, guidance=4.0)
        save_sheet(self.arguments.out / f"sheet-{done:06d}.png", latents, self.vae)
        for parameter, own in zip(self.parameters, backup, strict=True):
            parameter.data.copy_(own)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--start", type=Path, help="a pipeline folder to warm-start from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak of AdamW; the text encoder learns at 0.3 of it")
    parser.add_argument("--muon", type=float, default=2e-3, help="peak of Muon; 0 leaves everything to AdamW")
    parser.add_argument("--average", type=float, default=0.996, help="decay of the moving average, every other step")
    parser.add_argument("--seed", type=int, default=0, help="decides order, noise, time steps and dropped prompts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check-every", type=int, default=250)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    begin(arguments)
    trainer = Trainer(arguments)
    trainer.load_data()
    started, recent = time.monotonic(), []
    for step in range(trainer.first, arguments.steps):
        recent.append(torch.stack(trainer.step(step)))
        done, is_first = step + 1, trainer.workers.rank == 0
        seconds = trainer.seconds + time.monotonic() - started
        if done % 50 == 0 and is_first:
            loss, on_objects = torch.stack(recent).mean(0).tolist()
            row = {"step": done, "seconds": round(seconds), "loss": round(loss, 4), "objects": round(on_objects, 4)}
            write_row(arguments.out, row)
            recent = []
        if (done % arguments.check_every == 0 or done == arguments.steps) and is_first:
            trainer.save(done, seconds)


if __name__ == "__main__":
    main()
