"""A file of weights is found where it lies, read safely, and anything wrong is one sentence."""

import pickle
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from published_annotators import noise
from zeroconv.conditions import create
from zeroconv.conditions.weight_files import WeightFile, find, load, read_tensors
from zeroconv.errors import UserError

FILE = WeightFile("small.pth")


def small(_: object) -> nn.Linear:
    return nn.Linear(3, 2)


def tensors(width: int = 3) -> dict[str, torch.Tensor]:
    return {"weight": torch.arange(2.0 * width).reshape(2, width), "bias": torch.ones(2)}


def offline(*_: object, **options: object) -> str:
    raise OSError("no connection.\nmore")


def test_a_file_a_folder_and_safetensors_are_the_same(tmp_path: Path) -> None:
    torch.save(tensors(), tmp_path / "any-name.bin")
    (tmp_path / "folder").mkdir()
    save_file(tensors(), tmp_path / "folder" / "small.safetensors")
    for weights in (tmp_path / "any-name.bin", tmp_path / "folder"):
        network = load(FILE, str(weights), small, "cpu")
        assert torch.equal(network.weight, tensors()["weight"])
        assert not network.training and not network.weight.requires_grad


def test_wrappers_are_taken_off(tmp_path: Path) -> None:
    wrapped = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in tensors().items()}}
    torch.save(wrapped, tmp_path / "small.pth")
    assert sorted(read_tensors(tmp_path / "small.pth")) == ["bias", "weight"]


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "small.pth"
    torch.save(tensors(), path)
    first = load(FILE, str(path), small, "cpu")
    assert load(FILE, str(tmp_path), small, "cpu") is first
    torch.save({key: value + 1 for key, value in tensors().items()} | {"bias": torch.zeros(2)}, path)
    path.touch()
    assert load(FILE, str(path), small, "cpu").bias.tolist() == [0, 0]


def test_the_hub_is_asked_cache_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, name: str, local_files_only: bool = False) -> str:
        asked.append((repository, name, local_files_only))
        if local_files_only:
            raise FileNotFoundError(name)
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **options: None)
    assert find(FILE, "") == tmp_path / "small.pth"
    assert asked == [("lllyasviel/Annotators", "small.pth", local) for local in (True, False)]


@pytest.mark.parametrize(
    ("name", "options", "file"),
    [
        ("hough", {}, "mlsd_large_512_fp32.pth"),
        ("hed", {}, "table5_pidinet.pth"),
        ("hed", {"model": "hed"}, "ControlNetHED.pth"),
        ("scribble", {}, "ControlNetHED.pth"),
        ("lineart", {}, "sk_model.pth"),
        ("lineart", {"model": "coarse"}, "sk_model2.pth"),
        ("lineart", {"model": "anime"}, "netG.pth"),
    ],
)
def test_missing_weights_say_where_and_how(
    name: str, options: dict[str, str], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", offline)
    with pytest.raises(UserError) as told:
        create(name, method="network", **options)(noise(64, 64))
    said = str(told.value)
    assert file in said and huggingface_hub.constants.HF_HUB_CACHE in said and "no connection" in said
    assert f"https://huggingface.co/lllyasviel/Annotators/resolve/main/{file}" in said and "--weights" in said
    assert "\n" not in said
    for weights in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=rf"{weights}.*{file}.*download it from"):
            create(name, method="network", weights=str(weights), **options)(noise(64, 64))


def test_tiny_mlsd_is_not_on_the_hub() -> None:
    with pytest.raises(UserError, match=r"mlsd_tiny_512_fp32.pth is not on the .* hub: download .*mlsd_pytorch"):
        create("hough", method="network", model="tiny")(noise(64, 64))


def test_wrong_shapes_and_names_are_told(tmp_path: Path) -> None:
    torch.save(tensors(width=4), tmp_path / "small.pth")
    with pytest.raises(UserError, match=r"another network than Linear: 0 tensors .* 1 have another shape.*'weight'"):
        load(FILE, str(tmp_path), small, "cpu")
    torch.save({"weight": tensors()["weight"], "scale": torch.ones(1)}, tmp_path / "small.pth")
    with pytest.raises(UserError, match=r"1 tensors are missing, 0 have .* and 1 are not known, as 'bias'"):
        load(FILE, str(tmp_path), small, "cpu")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, suffix: str) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    (torch.save if suffix == ".pth" else save_file)(tensors(), whole)
    reasons = {
        0: "is cut short: it is empty",
        5: "is (not a checkpoint|cut short)",
        whole.stat().st_size // 2: "is (damaged or )?cut short",
    }
    for length, reason in reasons.items():
        cut.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(UserError, match=rf"cut\{suffix} {reason}") as told:
            load(FILE, str(cut), small, "cpu")
        assert "\n" not in str(told.value)


def write_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


class Harmful:
    """A pickle that would run code when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_code_in_a_pickle_never_runs(tmp_path: Path) -> None:
    path, mark = tmp_path / "small.pth", tmp_path / "ran"
    for write in (torch.save, write_pickle):
        write({"weight": Harmful(mark)}, path)
        with pytest.raises(UserError, match="refused"):
            load(FILE, str(path), small, "cpu")
    assert not mark.exists()


def test_a_file_without_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 1}, tmp_path / "small.pth")
    with pytest.raises(UserError, match="holds no named tensors"):
        load(FILE, str(tmp_path), small, "cpu")
