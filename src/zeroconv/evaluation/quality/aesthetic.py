"""The aesthetic score of LAION: how much people are thought to like a picture, about 1 to 10.

A head that was trained on ratings of pictures, reading CLIP ViT-L/14's embeddings at length 1. Two published layouts:
`sac+logos+ava1-l14-linearMSE.pth`, five linear maps with nothing between them but dropout, and
`sa_0_4_vit_l_14_linear.pth`, a single one. Source: LAION, "LAION-Aesthetics" (2022).

N pictures, F features of the embedding.
"""

import numpy as np
import torch
from torch import Tensor, nn

from zeroconv.conditions.weight_files import read_tensors
from zeroconv.errors import UserError
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.quality.published import AESTHETIC, place_of, read_published

WIDTHS = (1024, 128, 64, 16, 1)
CLIP_FEATURES = 768
DROPOUTS = (0.2, 0.2, 0.1)  # after the first three; they give the keys of the file their numbers


class AestheticHead(nn.Module):
    """Embeddings (N, F) of length 1 -> scores (N, 1), by the layout of five maps."""

    def __init__(self, features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, width in enumerate(WIDTHS):
            layers.append(nn.Linear(WIDTHS[number - 1] if number else features, width))
            layers += [nn.Dropout(share) for share in DROPOUTS[number : number + 1]]
        self.layers = nn.Sequential(*layers)

    def forward(self, embeddings: Tensor) -> Tensor:
        return torch.as_tensor(self.layers(embeddings))


def load_head(weights: str) -> nn.Module:
    """The head in a file, or in a folder that holds the first layout's; "": where torch.hub keeps downloads.

    UserError where there is none, or it holds something else.
    """
    path = place_of(AESTHETIC, weights, "aesthetic")
    stored = read_tensors(path)
    is_single = stored.keys() == {"weight", "bias"}
    first = stored.get("weight" if is_single else "layers.0.weight")
    features = first.shape[1] if first is not None and first.ndim == 2 else CLIP_FEATURES
    head = nn.Linear(features, 1) if is_single else AestheticHead(features)
    read_published(path, head)
    return head.eval().requires_grad_(False)


def aesthetic_scores(head: nn.Module, embeddings: Features) -> list[float]:
    """CLIP's embeddings (N, F) of any length -> N scores. UserError where they are of another CLIP than the head's."""
    expected = next(head.parameters()).shape[1]
    if embeddings.shape[1] != expected:
        raise UserError(
            f"the aesthetic score reads {expected} numbers a picture, as CLIP ViT-L/14 gives them; "
            f"--weights clip= names a CLIP that gives {embeddings.shape[1]}"
        )
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    with torch.inference_mode():
        scores = head(torch.from_numpy(embeddings / lengths.clip(min=1e-12)).float())
    return [float(score) for score in scores[:, 0]]
