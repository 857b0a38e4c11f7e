"""Step 4 of the base's recipe: the U-Net, with the text encoder, on the latents of the rendered shards.

    python recipes/base/denoiser.py --shards state/scenes --vae state/autoencoder/vae --text state/text \\
        --out state/denoiser --steps 4000

v-prediction with zero terminal SNR (arXiv 2305.08891), the loss on objects weighted three times, 12 % empty prompts,
moving average of the weights. Writes state.pt (a cut run goes on from it) and, at each check, the whole base as a
diffusers folder `pipeline` and a sheet of pictures. `--start` warm-starts from such a folder.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from render import TRAINING_SEED
from shards import learning_rate, load_shards, load_state, save_state, shard_scenes, to_images
from text import WIDTH, tokenize
from torch import Tensor
from tqdm import trange
from transformers import CLIPTextModel, CLIPTokenizer

OBJECT_WEIGHT = 3.0
EMPTY_PROMPTS = 0.12
SHEET = (
    "a red sphere on grass under a blue sky",
    "a large blue cube on snow under a gray sky",
    "a yellow cone on a plain white background",
    "a green pyramid on sand at sunset",
    "a purple cylinder in front of a yellow wall",
    "a large orange ring on a plain gray background",
    "a white house with a red roof on grass under a blue sky",
    "a large green tree on a green meadow",
    "a person in a red shirt and blue trousers standing on snow under a gray sky",
    "a person in a yellow shirt and black trousers with arms raised at night",
    "a red sphere left of a blue cube on a green meadow",
    "a blue cone left of an orange ring in a room with a white wall",
    "a pine tree at night",
    "a red house under a blue sky",
    "",
    "",
)


def build(latent_channels: int) -> UNet2DConditionModel:
    """An untrained U-Net for (C, 16, 16) latents; a trainable copy of its encoder has at most 2.8 M parameters."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=(80, 112, 120),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # diffusers means the number of heads
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )


def noise_schedule() -> DDIMScheduler:
    """Stable Diffusion's schedule brought to zero signal at the last step."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pictures: np.ndarray) -> Tensor:
    """Latents (N, C, 16, 16), the mean of the posterior."""
    batches = trange(0, len(pictures), 16, desc="encoding", mininterval=5)
    return torch.cat([vae.encode(to_images(pictures[k : k + 16])).latent_dist.mode() for k in batches])


@torch.no_grad()
def draw(unet: UNet2DConditionModel, encoder: CLIPTextModel, ids: Tensor, empty: Tensor, guidance: float) -> Tensor:
    """Latents for each row of token ids with 20 DDIM steps and classifier-free guidance."""
    scheduler = noise_schedule()
    scheduler.set_timesteps(20)
    shape = (len(ids), unet.config.in_channels, 16, 16)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    states = encoder(torch.cat([empty.expand_as(ids), ids])).last_hidden_state
    for timestep in scheduler.timesteps:
        without, with_text = unet(torch.cat([latents, latents]), timestep, states).sample.chunk(2)
        latents = scheduler.step(without + guidance * (with_text - without), timestep, latents).prev_sample
    return latents


class Trainer:
    """The two networks that learn, their moving average, and what they learn from."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        start, text = arguments.start, arguments.start or arguments.text
        self.vae = AutoencoderKL.from_pretrained(arguments.vae).eval().requires_grad_(False)
        self.text = text
        self.tokenizer = CLIPTokenizer.from_pretrained(text / "tokenizer")
        self.encoder = CLIPTextModel.from_pretrained(text / "text_encoder").float().train()
        channels = self.vae.config.latent_channels
        self.unet = UNet2DConditionModel.from_pretrained(start / "unet") if start else build(channels)
        self.unet.float().set_attn_processor(AttnProcessor())  # faster than the fused kernel at these head sizes
        self.parameters = [*self.unet.parameters(), *self.encoder.parameters()]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimiser = torch.optim.AdamW(
            [{"params": self.unet.parameters()}, {"params": self.encoder.parameters()}],
            arguments.rate,
            betas=(0.9, 0.99),
            weight_decay=1e-2,
            fused=True,
        )
        self.first, self.seconds = 0, 0.0
        if state := load_state(arguments.out / "state.pt"):
            self.unet.load_state_dict(state["unet"])
            self.encoder.load_state_dict(state["encoder"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average = state["average"]
            self.first, self.seconds = state["step"], state["seconds"]
        self.alphas = noise_schedule().alphas_cumprod
        self.empty = tokenize(self.tokenizer, [""])

    def load_data(self) -> None:
        """Latents, object masks and token ids of all shards."""
        folder = self.arguments.shards
        cache = self.arguments.out / "latents.pt"  # remove it when shards or autoencoder change
        if not cache.exists():
            save_state(cache, latents=encode_all(self.vae, load_shards(folder, TRAINING_SEED, "rgb")))
        self.latents = load_state(cache)["latents"]
        instances = load_shards(folder, TRAINING_SEED, "instances")
        self.objects = torch.from_numpy(instances.reshape(-1, 16, 8, 16, 8).max((2, 4)) > 0)
        self.ids = tokenize(self.tokenizer, [s.caption for s in shard_scenes(folder, TRAINING_SEED)])

    def loss(self, step: int) -> tuple[Tensor, Tensor]:
        """The weighted loss of a batch and its part on objects; what step k sees depends on k alone."""
        random, size = torch.Generator().manual_seed(1_000_003 * (step + 1)), self.arguments.batch
        rows = torch.randint(0, len(self.latents), (size,), generator=random)
        ids = self.ids[rows].clone()
        ids[torch.rand(size, generator=random) < EMPTY_PROMPTS] = self.empty
        strata = (torch.arange(size) + torch.rand(size, generator=random)) / size
        timesteps = (strata * 1000).long().clamp(max=999)
        clean, noise = self.latents[rows], torch.randn(size, *self.latents.shape[1:], generator=random)
        signal = self.alphas[timesteps].sqrt().view(-1, 1, 1, 1)
        spread = (1 - self.alphas[timesteps]).sqrt().view(-1, 1, 1, 1)
        states = self.encoder(ids).last_hidden_state
        guess = self.unet(signal * clean + spread * noise, timesteps, states).sample
        error = (guess - (signal * noise - spread * clean)).square().mean(1)
        mask = self.objects[rows].float()
        weight = 1 + (OBJECT_WEIGHT - 1) * mask
        return (error * weight).mean() / weight.mean(), (error * mask).sum().detach() / mask.sum()

    def step(self, step: int) -> tuple[float, float]:
        """One optimiser step -> loss, loss on objects."""
        peak = learning_rate(step, self.arguments.steps, self.arguments.rate)
        for group, factor in zip(self.optimiser.param_groups, (1.0, 0.3), strict=True):
            group["lr"] = peak * factor
        loss, on_objects = self.loss(step)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        if step % 2 == 0:
            decay = min(0.996, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return loss.item(), on_objects.item()

    def save(self, done: int, seconds: float) -> None:
        """Full state, then the averaged weights as a folder and a sheet of pictures."""
        save_state(
            self.arguments.out / "state.pt",
            unet=self.unet.state_dict(),
            encoder=self.encoder.state_dict(),
            optimiser=self.optimiser.state_dict(),
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
        self.sheet(self.arguments.out / f"sheet-{done:06d}.png")
        for parameter, own in zip(self.parameters, backup, strict=True):
            parameter.data.copy_(own)

    def sheet(self, path: Path) -> None:
        """Two rows of eight pictures of fixed prompts."""
        latents = draw(self.unet, self.encoder, tokenize(self.tokenizer, list(SHEET)), self.empty, guidance=4.0)
        with torch.no_grad():
            pictures = self.vae.decode(latents).sample.clamp(-1, 1)
        grid = ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        rows = [np.concatenate(list(grid[k : k + 8]), 1) for k in range(0, len(grid), 8)]
        Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--start", type=Path, help="a pipeline folder to warm-start from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check-every", type=int, default=250)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(arguments)
    torch.set_num_threads(max(2, arguments.threads))  # encoding is quick on two threads
    trainer.load_data()
    torch.set_num_threads(arguments.threads)
    clock, recent = time.monotonic() - trainer.seconds, []
    for step in range(trainer.first, arguments.steps):
        recent.append(trainer.step(step))
        done = step + 1
        if done % 50 == 0:
            loss, on_objects = np.mean(recent[-50:], axis=0)
            seconds = round(time.monotonic() - clock)
            row = {"step": done, "seconds": seconds, "loss": round(loss, 4), "objects": round(on_objects, 4)}
            print(json.dumps(row), flush=True)
        if done % arguments.check_every == 0 or done == arguments.steps:
            trainer.save(done, time.monotonic() - clock)


if __name__ == "__main__":
    main()
