"""The perception network: trained on rendered scenes, on the same through the autoencoder, and on distractors.

    python recipes/perception/train.py --shards STATE/scenes --vae STATE/autoencoder/vae --out STATE/perception

The shards are those of recipes/base/render.py. Writes state.pt (a cut run goes on from it) and, at each check, the
folder `network` that ships as src/zeroconv/models/perception, with its errors on held-out renders in log.jsonl.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy
from torch.nn.functional import cross_entropy, l1_loss

sys.path.append(str(Path(__file__).parents[1] / "base"))  # the shards are those of the base

from examples import Batches, load_truth
from heads import keypoint_loss, object_losses
from render import HELD_OUT_SEED, TRAINING_SEED
from scores import scores
from shards import autocast, begin, learning_rate, load_state, save_state, take_steps, to_images

from zeroconv.perception import Perception, PerceptionNetwork, save_perception

OBJECT_CLASSES = 2.5  # weight of the objects' classes beside sky, ground and wall
NORMALS_OF_OBJECTS = 6.0  # weight of their normals: those of ground and wall hardly vary


@torch.no_grad()
def through(folder: Path, pictures: np.ndarray, device: str) -> np.ndarray:
    """Pictures (N, H, W, 3) uint8 through an autoencoder."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(folder).float().eval().to(device)
    decoded = []
    for start in range(0, len(pictures), 16):
        batch = to_images(torch.from_numpy(pictures[start : start + 16]).to(device))
        made = vae.decode(vae.encode(batch).latent_dist.mode()).sample.clamp(-1, 1)
        decoded.append(((made + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(decoded)


def loss(seen: Perception, batch: dict[str, Tensor]) -> Tensor:
    """The sum over the heads; the dense ones learn from true scenes only."""
    scene = batch["is_scene"]
    weight = torch.ones(seen.classes.shape[1], device=scene.device)
    weight[3:] = OBJECT_CLASSES
    classes = cross_entropy(seen.classes[scene], batch["classes"][scene].long(), weight)
    nearness = l1_loss(seen.nearness[scene, 0], batch["nearness"][scene])
    on_objects = 1 + (NORMALS_OF_OBJECTS - 1) * (batch["classes"][scene] >= 3).float()
    normals = (seen.normal[scene] - batch["normal"][scene].permute(0, 3, 1, 2)).abs().mean(1)
    normal = (normals * on_objects).sum() / on_objects.sum()
    edges = binary_cross_entropy(seen.soft_edges[scene, 0], batch["soft_edges"][scene])
    joints = keypoint_loss(seen.keypoints[scene], batch["keypoints"][scene])
    return classes + 10 * nearness + 3 * normal + edges + joints + object_losses(seen, batch["objects"].long())


class Trainer:
    """The network, its moving average, and its pictures."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, device = arguments, arguments.device
        truth = load_truth(arguments.shards, TRAINING_SEED, arguments.count)
        self.held_out = load_truth(arguments.shards, HELD_OUT_SEED, 500)
        cache = arguments.out / "decoded.npy"
        if not cache.exists():
            np.save(cache, through(arguments.vae, truth.rgb, device))
        self.batches = Batches(truth, np.load(cache))
        self.decoded = through(arguments.vae, self.held_out.rgb, device)
        self.network = PerceptionNetwork().to(device)
        self.average = {key: value.clone() for key, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.network.parameters(), arguments.rate, weight_decay=1e-2, fused=True)
        self.first, self.seconds = 0, 0.0
        if arguments.start:
            self._warm_start(load_file(arguments.start / "model.safetensors"))
        if state := load_state(arguments.out / "state.pt", device):
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.first, self.seconds = state["average"], state["step"], state["seconds"]

    def _warm_start(self, weights: dict[str, Tensor]) -> None:
        """Take over the weights that fit; the other layers start anew."""
        known = self.network.state_dict()
        fitting = {key: value.float() for key, value in weights.items() if _fits(known.get(key), value)}
        self.network.load_state_dict({**known, **fitting})
        self.average = {key: value.clone() for key, value in self.network.state_dict().items()}
        print(f"{len(fitting)} of {len(weights)} tensors taken over")

    def step(self, step: int) -> Tensor:
        """One optimiser step -> the loss."""
        arguments = self.arguments
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.rate)
        batch = {key: value.to(arguments.device) for key, value in self.batches(step, arguments.batch).items()}
        with autocast(arguments.device):
            seen = self.network(batch["picture"])
        total = loss(Perception(**{key: value.float() for key, value in vars(seen).items()}), batch)
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        decay = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[key].lerp_(value, 1 - decay)
        return total.detach()

    def save(self, done: int, seconds: float) -> dict[str, float]:
        """Full state, then the averaged network -> its scores on held-out renders, true and through the autoencoder."""
        save_state(
            self.arguments.out / "state.pt",
            network=self.network.state_dict(),
            optimiser=self.optimiser.state_dict(),
            average=self.average,
            step=done,
            seconds=seconds,
        )
        network = PerceptionNetwork().to(self.arguments.device)
        network.load_state_dict(self.average)
        network.eval().requires_grad_(False)
        save_perception(network, self.arguments.out / "network")
        found = {"": self.held_out.rgb, "decoded ": self.decoded}
        return {
            f"{which}{name}": value
            for which, pictures in found.items()
            for name, value in scores(network, pictures, self.held_out, self.arguments.device).items()
        }


def _fits(known: Tensor | None, value: Tensor) -> bool:
    return known is not None and known.shape == value.shape


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="folder of a perception network to go on from, as far as it fits")
    parser.add_argument("--count", type=int, default=8000, help="rendered scenes to learn from")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check-every", type=int, default=500)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    begin(arguments)
    take_steps(Trainer(arguments), arguments)


if __name__ == "__main__":
    main()
