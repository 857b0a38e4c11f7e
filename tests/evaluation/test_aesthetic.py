"""The aesthetic head in its two published layouts: their keys, and their arithmetic."""

from pathlib import Path

import numpy as np
import pytest
import torch

from zeroconv.errors import UserError
from zeroconv.evaluation.quality.aesthetic import aesthetic_scores, load_head

RANDOM = np.random.default_rng(0)
PUBLISHED = {0: (1024, 768), 2: (128, 1024), 4: (64, 128), 6: (16, 64), 7: (1, 16)}
"""sac+logos+ava1-l14-linearMSE.pth: number of the layer -> shape of its weight."""


def five_maps() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = {}
    for number, (wide, narrow) in PUBLISHED.items():
        state[f"layers.{number}.weight"] = torch.randn(wide, narrow) / narrow**0.5
        state[f"layers.{number}.bias"] = torch.randn(wide)
    return state


def test_five_maps_one_after_another_of_the_embedding_at_length_one(tmp_path: Path) -> None:
    state = five_maps()
    torch.save(state, tmp_path / "sac+logos+ava1-l14-linearMSE.pth")
    embeddings = RANDOM.normal(size=(3, 768)) * 20
    values = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for number in PUBLISHED:
        values = values @ state[f"layers.{number}.weight"].numpy().T + state[f"layers.{number}.bias"].numpy()
    assert aesthetic_scores(load_head(str(tmp_path)), embeddings) == pytest.approx(list(values[:, 0]), rel=1e-4)


def test_a_single_map(tmp_path: Path) -> None:
    weight, bias = torch.randn(1, 768), torch.tensor([5.0])
    torch.save({"weight": weight, "bias": bias}, tmp_path / "sa_0_4_vit_l_14_linear.pth")
    embedding = np.eye(768)[:2] * 7
    found = aesthetic_scores(load_head(str(tmp_path / "sa_0_4_vit_l_14_linear.pth")), embedding)
    assert found == pytest.approx([5 + float(weight[0, 0]), 5 + float(weight[0, 1])], rel=1e-5)


def test_mistakes_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"sac\+logos\+ava1-l14-linearMSE\.pth, which is not in .*--weights aesthetic="):
        load_head("")
    torch.save({"layers.0.weight": torch.zeros(1024, 768)}, tmp_path / "part.pth")
    with pytest.raises(UserError, match="another network than AestheticHead"):
        load_head(str(tmp_path / "part.pth"))
    torch.save({"weight": torch.zeros(1, 768), "bias": torch.zeros(1)}, tmp_path / "one.pth")
    with pytest.raises(UserError, match=r"reads 768 numbers a picture.* gives 512"):
        aesthetic_scores(load_head(str(tmp_path / "one.pth")), np.ones((2, 512)))
