"""The network of FID: its layout is the published file's, its features are those of the network everybody uses.

The numbers were made with pytorch-fid 0.3.0 on torchvision's blocks, given the weights of `random_weights` and, for
"clean", clean-fid 0.1.35's resizing; ours were equal to them in every bit.
"""

from pathlib import Path

import pytest
import torch
from fid_inception import random_picture, random_weights

from zeroconv.errors import UserError
from zeroconv.evaluation.quality.inception import FidInception
from zeroconv.evaluation.quality.own_backbones import cleanly_resized, inception, plainly_resized

BRANCHES = ((0, 320), (320, 1088), (1088, 1856), (1856, 2048))  # of the last block; the last one pools by maxima
MEANS = {
    "pytorch": (1.017034, 0.835588, 0.919334, 1.142185),
    "clean": (1.077736, 0.890082, 0.970109, 1.214927),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(random_weights(), path)
    return path


@pytest.mark.parametrize("resize", ["pytorch", "clean"])
def test_features_are_those_of_pytorch_fid(file: Path, resize: str) -> None:
    features = inception(str(file), "cpu", resize).read([random_picture()])
    assert features.shape == (1, 2048)
    means = [features[0, start:end].mean() for start, end in BRANCHES]
    assert means == pytest.approx(MEANS[resize], rel=1e-4)


def test_keys_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        ours = {key: value.shape for key, value in FidInception().state_dict().items() if value.ndim}
    theirs = {key: value.shape for key, value in random_weights().items() if not key.startswith("fc.")}
    assert ours == theirs
    assert len(ours) == 94 * 5


def test_a_folder_and_the_place_of_torch_hub_are_looked_into(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"6726825d\.pth, which is not in .*github.*--weights inception="):
        inception("", "cpu")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / file.name).symlink_to(file)
    assert inception("", "cpu").weights == inception(str(file.parent), "cpu").weights


def test_another_networks_file_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(1008, 2048), "Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"another network than FidInception"):
        inception(str(tmp_path / "a.pth"), "cpu")
    with pytest.raises(UserError, match=r"no file or folder .*github\.com/mseitzer"):
        inception(str(tmp_path / "b.pth"), "cpu")
    with pytest.raises(UserError, match="unknown way to resize 'cleen'; did you mean 'clean'"):
        inception(str(tmp_path / "a.pth"), "cpu", "cleen")


def test_resizing_keeps_a_plain_picture_plain() -> None:
    plain = random_picture()[:1, :1].repeat(40, 0).repeat(60, 1)
    for resized, of_value in ((cleanly_resized, lambda v: (v - 128) / 128), (plainly_resized, lambda v: v / 127.5 - 1)):
        values = resized(plain)
        assert values.shape == (1, 3, 299, 299)
        expected = of_value(torch.from_numpy(plain[0, 0]).float())
        assert torch.allclose(values, expected[None, :, None, None].expand_as(values), atol=1e-5)
