"""A trained system on disk and back, and what is refused."""

from functools import partial
from pathlib import Path

import pytest
import torch
from rivalworld import like_tiny, signs_batches

from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.concatenated import ConcatenatedLDM, DepthToImage
from zeroconv.comparisons.learning import Plan
from zeroconv.comparisons.rival import Rival
from zeroconv.comparisons.saving import load_rival, save_rival
from zeroconv.comparisons.t2i_adapter import TrainedAdapter
from zeroconv.errors import UserError

PLAN = Plan(steps=1, batch_size=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.mark.parametrize("kind", [ConcatenatedLDM, DepthToImage, TrainedAdapter])
def test_a_system_is_read_back_bitwise(kind: type[Rival], base: BaseModel, tmp_path: Path) -> None:
    saved = kind(base).eval()
    with torch.no_grad():
        for parameter in saved.parameters():
            parameter.add_(0.01)
    save_rival(saved, PLAN, tmp_path / "rival")
    found, batch = load_rival(kind, base, tmp_path / "rival"), next(signs_batches(base).starting(0))
    assert torch.equal(found.losses(batch), saved.losses(batch))
    assert not torch.equal(found.losses(batch), kind(base).eval().losses(batch))
    assert sorted(path.name for path in (tmp_path / "rival").iterdir()) == ["rival.json", "rival.safetensors"]


def test_what_does_not_belong_together_is_refused(base: BaseModel, sd15_folder: Path, tmp_path: Path) -> None:
    save_rival(TrainedAdapter(base), PLAN, tmp_path)
    with pytest.raises(
        UserError, match=r"was trained on the base sd15.* \(fingerprint .{16}\), not on sd15.* \(.{16}\)"
    ):
        load_rival(TrainedAdapter, like_tiny(sd15_folder), tmp_path)
    with pytest.raises(UserError, match="holds the system T2I-Adapter, expected Depth-to-image"):
        load_rival(DepthToImage, base, tmp_path)
    with pytest.raises(UserError, match="does not fit this base and condition"):
        load_rival(partial(TrainedAdapter, condition_channels=1), base, tmp_path)


def test_what_is_not_whole_is_refused(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no system is saved in"):
        load_rival(TrainedAdapter, base, tmp_path)
    save_rival(TrainedAdapter(base), PLAN, tmp_path)
    about = (tmp_path / "rival.json").read_text()
    for content, message in (
        (about[:-9], "is damaged"),
        ("[]", "is damaged"),
        (about.replace("1", "7", 1), "schema 7"),
    ):
        (tmp_path / "rival.json").write_text(content)
        with pytest.raises(UserError, match=message):
            load_rival(TrainedAdapter, base, tmp_path)
    (tmp_path / "rival.json").write_text(about)
    (tmp_path / "rival.safetensors").write_bytes((tmp_path / "rival.safetensors").read_bytes()[:5000])
    with pytest.raises(UserError, match="damaged or cut short"):
        load_rival(TrainedAdapter, base, tmp_path)
