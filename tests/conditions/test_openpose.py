"""OpenPose as the pose detector: from the published file to persons in the picture's own pixels."""

from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch

import published_annotators as published
from drawn_maps import draw_maps, figure
from zeroconv import conditions
from zeroconv.conditions import openpose
from zeroconv.conditions.person import Keypoints
from zeroconv.errors import UserError


class Seer(torch.nn.Module):
    """Stands for the network: draws the maps of persons that stand in a picture of so many pixels."""

    def __init__(self, persons: list[Keypoints], size: tuple[int, int], rows: int, columns: int) -> None:
        super().__init__()
        self.persons, self.size, self.inside = persons, size, (rows, columns)
        self.seen = torch.zeros(0)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.seen = batch
        scale = np.array([self.inside[1] / self.size[1], self.inside[0] / self.size[0], 1], np.float32) / (8, 8, 1)
        half = np.array([0.5, 0.5, 0])
        drawn = []
        for person in self.persons:
            body = (person + half) * scale - half
            drawn.append(np.where(person[:, 2:] > 0, body, 0).astype(np.float32))
        grid = (batch.shape[2] // 8, batch.shape[3] // 8)
        return torch.from_numpy(draw_maps(drawn, grid, sigma=0.9, width=1.0))[None]


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [((512, 640), 184, 230), ((300, 401), 184, 253), ((901, 700), 184, 147)]
)
def test_persons_are_found_in_pictures_of_any_size(
    size: tuple[int, int], rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = size[0] * 0.8
    persons = [figure(size[1] * share, size[0] * 0.1, height) for share in (0.28, 0.74)]
    seer = Seer(persons, size, rows, columns)
    monkeypatch.setattr(openpose, "load", lambda *_: seer)
    found = sorted(openpose.find_persons(np.zeros((*size, 3), np.uint8), ""), key=lambda person: person.body[0, 0])
    assert len(found) == 2
    step = size[0] / rows * 8  # of the network's grid, in pixels
    for person, truth in zip(found, persons, strict=True):
        assert (person.body[:, 2] > 0).all()
        distances = np.linalg.norm(person.body[:, :2] - truth[:, :2], axis=1)
        assert distances.max() < 0.5 * step and distances.mean() < 0.2 * step


def test_the_network_sees_blue_first_and_grey_around(monkeypatch: pytest.MonkeyPatch) -> None:
    seer = Seer([], (300, 401), 184, 253)
    monkeypatch.setattr(openpose, "load", lambda *_: seer)
    image = np.full((300, 401, 3), (255, 128, 0), np.uint8)
    assert openpose.find_persons(image, "") == ()
    assert seer.seen.shape == (1, 3, 184, 256)
    inside, outside = seer.seen[..., :253], seer.seen[..., 253:]
    assert inside[0, :, 90, 90].tolist() == [-0.5, 0.0, 255 / 256 - 0.5]
    assert not outside.any()


def test_strips_are_not_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    seer = Seer([], (2, 97), 1, 1)
    monkeypatch.setattr(openpose, "load", lambda *_: seer)
    openpose.find_persons(published.noise(2, 97), "")
    assert seer.seen.shape == (1, 3, 24, 736)


@pytest.fixture(scope="module")
def body_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random body_pose_model.pth."""
    folder = tmp_path_factory.mktemp("openpose")
    return published.write(folder, "body_pose_model.pth", published.openpose_body, torch.float16)


def test_the_published_layout_is_read_and_nobody_warns(body_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights see nobody, in grey pictures and in those with an alpha channel."""
    monkeypatch.setattr(openpose, "HEIGHT", 64)
    options = {"method": "openpose", "weights": str(body_file.parent), "confidence": "1", "hands": "no", "face": "no"}
    grey = published.noise(33, 65)[:, :, 0]
    alpha = np.dstack([grey] * 3 + [np.full_like(grey, 255)])
    for image in (grey, alpha):
        with pytest.warns(UserWarning, match="pose image is empty"):
            made = conditions.annotate("pose", image, options)
        assert made.shape == (33, 65, 3) and not made.any()


def test_another_network_is_refused(body_file: Path, tmp_path: Path) -> None:
    tensors = torch.load(body_file, weights_only=True)
    del tensors["Mconv7_stage6_L2.weight"]
    torch.save(tensors, tmp_path / "body_pose_model.pth")
    with pytest.raises(UserError, match=r"another network than Body: 1 tensors are missing.*'Mconv7_stage6_L2.weight'"):
        openpose.find_persons(published.noise(64, 64), str(tmp_path))


def test_values_that_are_not_finite_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seer = Seer([], (64, 64), 184, 184)
    seer.register_forward_hook(lambda _, __, maps: maps * torch.nan)
    monkeypatch.setattr(openpose, "load", lambda *_: seer)
    with pytest.raises(UserError, match=r"body_pose_model.pth answered with values that are not finite"):
        openpose.find_persons(published.noise(64, 64), "")


def offline(*_: object, **options: object) -> str:
    raise OSError("no connection.\nmore")


def test_a_missing_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", offline)
    for weights in ("", str(tmp_path), str(tmp_path / "nowhere")):
        with pytest.raises(UserError) as told:
            conditions.create("pose", method="openpose", weights=weights)(published.noise(64, 64))
        said = str(told.value)
        assert "https://huggingface.co/lllyasviel/Annotators/resolve/main/body_pose_model.pth" in said
        assert "keypoints=FILE" in said and "method=algorithm" not in said and "\n" not in said
        assert (weights or huggingface_hub.constants.HF_HUB_CACHE) in said
