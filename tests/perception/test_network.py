"""The perception network: shapes of what it reads, and its way to disk and back."""

from pathlib import Path

import pytest
import torch

from zeroconv.errors import UserError
from zeroconv.perception import PerceptionNetwork, load_perception, save_perception
from zeroconv.scenes import CLASSES, COLOURS, KINDS


@pytest.fixture
def network() -> PerceptionNetwork:
    torch.manual_seed(0)
    return PerceptionNetwork((4, 8, 8, 8)).eval().requires_grad_(False)


def test_every_head_has_its_size(network: PerceptionNetwork) -> None:
    seen = network(torch.rand(2, 3, 64, 96))
    assert seen.classes.shape == (2, len(CLASSES), 64, 96)
    assert seen.nearness.shape == (2, 1, 64, 96)
    assert seen.normal.shape == (2, 3, 64, 96)
    assert seen.soft_edges.shape == (2, 1, 64, 96)
    assert seen.keypoints.shape == (2, 18, 32, 48)
    assert seen.centres.shape == (2, 1, 16, 24)
    assert seen.kinds.shape == (2, len(KINDS) + 1, 16, 24)
    assert seen.colours.shape == (2, len(COLOURS), 16, 24)
    assert seen.features.shape == (2, 16)


def test_a_picture_is_read_the_same_alone_and_in_a_batch(network: PerceptionNetwork) -> None:
    pictures = torch.rand(3, 3, 32, 32)
    together, alone = network(pictures), network(pictures[1:2])
    assert torch.allclose(together.classes[1:2], alone.classes, atol=1e-5)
    assert torch.allclose(together.features[1:2], alone.features, atol=1e-5)


def test_odd_sizes_are_refused_with_both_sizes_named(network: PerceptionNetwork) -> None:
    with pytest.raises(ValueError, match=r"multiple of 16 pixels expected, got \(40, 32\)"):
        network(torch.rand(1, 3, 40, 32))


def test_what_is_saved_reads_the_same_again(network: PerceptionNetwork, tmp_path: Path) -> None:
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(4, 3, 32, 32))  # running means and variances move away from 0 and 1
    network.eval().half().float()
    save_perception(network, tmp_path)
    loaded, picture = load_perception(tmp_path), torch.rand(1, 3, 32, 32)
    assert loaded.widths == (4, 8, 8, 8)
    assert not any(p.requires_grad for p in loaded.parameters())
    assert torch.equal(loaded(picture).classes, network(picture).classes)


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must hold a perception network .* has no config.json"):
        load_perception(tmp_path)


def test_other_weights_are_refused_with_the_folder_named(network: PerceptionNetwork, tmp_path: Path) -> None:
    save_perception(network, tmp_path)
    (tmp_path / "config.json").write_text('{"widths": [8, 8, 8, 8]}')
    with pytest.raises(UserError, match="not those of a perception network of widths"):
        load_perception(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(UserError, match="no readable perception network"):
        load_perception(tmp_path)
