"""A training step, ours and diffusers' in turns, each in a process of its own: samples a second, memory, losses.

    python benchmarks/train_vs_diffusers.py --base sd15 --size 512 --batch 1     # the real size, random weights: 15 GB
    python benchmarks/train_vs_diffusers.py --base tiny --size 128 --batch 8     # the embedded base
    ... --mode equal,defaults

Theirs is the step of diffusers' train_controlnet.py rebuilt from its public classes: autoencoder and text encoder in
the loop, AdamW, gradients clipped. Ours is `zeroconv.training.loop.train` on cached latents. Both start from the same
random ControlNet, see the same pictures, prompts, noise and time steps, and never drop a prompt. Modes: equal, both in
float32, whose losses must agree to rounding; defaults, ours in the precision that suits base and device by itself.
(Theirs takes the latents' mean where the script samples them: the same work.) Run it on a machine that does nothing
else.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch.nn import functional
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from zeroconv import BaseModel, as_diffusers, load_base
from zeroconv.allocator import keep_freed_memory
from zeroconv.base.families import FULL_SIZE, MODELS
from zeroconv.control import ControlNet
from zeroconv.data.batches import Batches
from zeroconv.data.cache import Encoded
from zeroconv.training.config import TrainConfig, defaults_for
from zeroconv.training.loop import train
from zeroconv.training.precision import shorten
from zeroconv.training.start import first_controlnet, num_parameters

SIDES = ("zeroconv", "diffusers")
MODES = ("equal", "defaults")
EXAMPLES = 4
CAPTIONS = ("a red house under a blue sky", "two trees on grass", "a person", "a yellow cube on a wooden floor")
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def base_of(name: str) -> BaseModel:
    """The embedded base, or one of SD 1.5's shapes with random weights."""
    if name == "tiny":
        return load_base("tiny")
    torch.manual_seed(0)
    blocks = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "scaling_factor": 0.18215}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    text = CLIPTextConfig(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072)
    return BaseModel(
        name=name,
        unet=UNet2DConditionModel(sample_size=64, **FULL_SIZE[name]),
        vae=AutoencoderKL(**blocks, **kinds),
        text_encoders=(CLIPTextModel(text),),
        tokenizers=(AutoTokenizer.from_pretrained(MODELS / "tiny" / "tokenizer", model_max_length=77),),
        scheduler=DDPMScheduler(**SCHEDULE),
    )


def controlnet_of(base: BaseModel) -> ControlNet:
    """A trainable copy whose joints are no longer zero, so that every part has a gradient from the first step."""
    net = first_controlnet(base, 3, seed=1, start=None)
    generator = torch.Generator().manual_seed(2)
    for joint in (*net.zero_convolutions, net.middle_zero_convolution):
        torch.nn.init.normal_(joint.weight, std=0.02, generator=generator)
    return net.train()


def pictures_of(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 3, H, W) in [-1, 1] and conditions (N, 3, H, W) uint8: noise will do, the work is the same."""
    generator = torch.Generator().manual_seed(3)
    pictures = torch.rand(EXAMPLES, 3, size, size, generator=generator) * 2 - 1
    return pictures, torch.randint(256, (EXAMPLES, 3, size, size), dtype=torch.uint8, generator=generator)


def encoded(base: BaseModel, size: int) -> list[Encoded]:
    """The examples as the cache keeps them."""
    pictures, conditions = pictures_of(size)
    return [
        Encoded(str(k), base.encode_image(pictures[k : k + 1])[0].float(), CAPTIONS[k], conditions[k], k)
        for k in range(EXAMPLES)
    ]


def ours(base: BaseModel, net: ControlNet, config: TrainConfig, size: int) -> Iterator[float]:
    """The loss of each step of our loop."""
    batches = Batches(encoded(base, size), base, config.batch_size, config.seed, config.prompt_drop)
    return (step.loss for step in train(base, net, batches, config))


def theirs(base: BaseModel, net: ControlNet, config: TrainConfig, size: int) -> Iterator[float]:
    """The loss of each step of diffusers' script, for the samples that ours sees."""
    pictures, conditions = pictures_of(size)
    drawn = Batches(encoded(base, size), base, config.batch_size, config.seed, config.prompt_drop).starting(0)
    controlnet, scheduler = as_diffusers(net).train(), DDPMScheduler.from_config(base.scheduler.config)
    optimizer = torch.optim.AdamW(controlnet.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    vae, text_encoder, tokenizer = base.vae, base.text_encoders[0], base.tokenizers[0]
    for batch in drawn:
        rows = [int(name) for name in batch.names]
        latents = base.encode_image(pictures[rows].to(base.device))
        captions = [CAPTIONS[row] for row in rows]
        tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        states = text_encoder(tokens.to(base.device), return_dict=False)[0]
        noisy = scheduler.add_noise(latents, batch.noise, batch.timesteps)
        condition = conditions[rows].to(vae.device).float() / 255
        down, middle = controlnet(
            noisy, batch.timesteps, encoder_hidden_states=states, controlnet_cond=condition, return_dict=False
        )
        prediction = base.unet(
            noisy,
            batch.timesteps,
            encoder_hidden_states=states,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        is_velocity = scheduler.config.prediction_type == "v_prediction"
        target = scheduler.get_velocity(latents, batch.noise, batch.timesteps) if is_velocity else batch.noise
        loss = functional.mse_loss(prediction.float(), target.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(controlnet.parameters(), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def one_side(arguments: argparse.Namespace) -> None:
    """Runs one side and prints its seconds a step, peak memory and losses as one line of JSON."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    base = base_of(arguments.base)
    steps = arguments.steps + 1
    config = TrainConfig(steps=steps, batch_size=arguments.batch, learning_rate=1e-5, prompt_drop=0.0, gain_every=0)
    if arguments.side == "zeroconv":
        keep_freed_memory()  # as the command does
    side, net = ours if arguments.side == "zeroconv" else theirs, controlnet_of(base)
    if arguments.mode == "defaults" and arguments.side == "zeroconv":
        suits = defaults_for(num_parameters(base), base.device)
        config = replace(config, precision=suits.get("precision", config.precision))
        shorten(base.unet, config.locked_type)
    losses, seconds = [], []
    started = time.perf_counter()
    for loss in islice(side(base, net, config, arguments.size), steps):
        losses.append(loss)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    print(json.dumps({"seconds": seconds[1:], "peak": peak, "losses": losses, "precision": config.precision}))


def run(side: str, mode: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One side in a process of its own."""
    passed = [f"--{name}={getattr(arguments, name)}" for name in ("base", "size", "batch", "steps", "threads")]
    command = [sys.executable, str(Path(__file__)), *passed, f"--side={side}", f"--mode={mode}"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", choices=("tiny", "sd15"), default="tiny")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures in pixels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of a process, after one that is not")
    parser.add_argument("--rounds", type=int, default=3, help="processes a side, in turns")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--mode", default="equal", help=", ".join(MODES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        one_side(arguments)
        return
    for mode in arguments.mode.split(","):
        compare(mode, arguments)


def compare(mode: str, arguments: argparse.Namespace) -> None:
    """Rounds of both sides; prints their figures."""
    runs = [{side: run(side, mode, arguments) for side in SIDES} for _ in range(arguments.rounds)]
    speed = {side: [arguments.batch / statistics.median(one[side]["seconds"]) for one in runs] for side in SIDES}
    peak = {side: max(one[side]["peak"] for one in runs) for side in SIDES}
    pairs = [pair for one in runs for pair in zip(*(one[side]["losses"] for side in SIDES), strict=True)]
    settings = f"{arguments.base}, {arguments.size} pixels, batches of {arguments.batch}, {arguments.rounds} rounds"
    print(f"{mode}: {settings}")
    for side in SIDES:
        pace, memory = statistics.median(speed[side]), peak[side] / 2**30
        print(f"  {side:10} {runs[0][side]['precision']}{pace:9.3f} samples/s{memory:9.2f} GiB at most")
    ratios = sorted(mine / other for mine, other in zip(speed["zeroconv"], speed["diffusers"], strict=True))
    print(f"  ratio          {statistics.median(ratios):9.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})", end="")
    print(f"{peak['zeroconv'] / peak['diffusers']:11.2f} of its memory")
    print(f"  losses differ by {max(abs(a - b) / b for a, b in pairs):.1e} of their size at most, {len(pairs)} steps")


if __name__ == "__main__":
    main()
