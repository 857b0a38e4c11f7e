"""Networks of transformers: found, checked, and every way to be without them said in one sentence."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.constants import HF_HUB_CACHE
from safetensors.torch import load_file, save_file

from zeroconv import conditions
from zeroconv.conditions import pretrained
from zeroconv.errors import UserError

DEPTH = "AutoModelForDepthEstimation"


def load(weights: Path | str, architecture: str = DEPTH) -> pretrained.Pretrained:
    return pretrained.load(architecture, str(weights), of="depth", example="owner/name", otherwise="try without")


def copy_of(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_network_is_locked_and_loaded_once(tiny_networks: Path) -> None:
    loaded = load(tiny_networks / "depth")
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert load(tiny_networks / "depth").model is loaded.model
    assert not loaded(np.full((60, 60, 3), 9, np.uint8)).predicted_depth.requires_grad


@pytest.mark.parametrize("weights", ["./nowhere", "nowhere", "/no/where/at/all", "a/b/c"])
def test_no_folder_of_that_name(weights: str) -> None:
    with pytest.raises(UserError, match=r"no network at .*config.json.*hub id, as owner/name; try without"):
        load(weights)


def test_empty_weights() -> None:
    with pytest.raises(UserError, match="weights is empty"):
        load(" ")


class Hub:
    """The hub as huggingface_hub shows it: a folder of networks, and a cache of them."""

    def __init__(self, published: Path | None, cached: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.published, self.cached, self.wanted = published, cached, list[str]()
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.snapshot_download)
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: self)

    def model_info(self, name: str, timeout: float) -> SimpleNamespace:
        if self.published is None:
            raise OSError("Name or service not known\nand so on")
        files = [SimpleNamespace(rfilename=file.name) for file in self.published.iterdir()]
        return SimpleNamespace(siblings=[*files, SimpleNamespace(rfilename="pytorch_model.bin")])

    def snapshot_download(self, name: str, local_files_only: bool = False, allow_patterns: Sequence[str] = ()) -> str:
        folder = self.cached if local_files_only else self.published
        if folder is None:
            raise OSError("not here")
        self.wanted += allow_patterns
        return str(folder)


def test_offline_the_sentence_names_the_network_the_cache_and_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(None, None, monkeypatch)
    with pytest.raises(UserError) as raised:
        load("owner/network")
    sentence = str(raised.value)
    assert "depth needs the network owner/network" in sentence and "hf download owner/network" in sentence
    assert "(Name or service not known)" in sentence and "\n" not in sentence
    assert HF_HUB_CACHE in sentence and "weights=FOLDER" in sentence and sentence.endswith("try without")


def test_an_earlier_download_serves_offline(monkeypatch: pytest.MonkeyPatch, tiny_networks: Path) -> None:
    Hub(None, tiny_networks / "depth", monkeypatch)
    assert load("owner/network").model is load(tiny_networks / "depth").model


def test_only_what_is_needed_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tiny_networks: Path, tmp_path: Path
) -> None:
    hub = Hub(tiny_networks / "depth", tmp_path, monkeypatch)  # the cache has a part of it, as after an interruption
    load("owner/network")
    assert sorted(hub.wanted) == ["config.json", "model.safetensors", "preprocessor_config.json"]


def test_a_folder_without_its_files(tmp_path: Path, tiny_networks: Path) -> None:
    with pytest.raises(UserError, match=r"lacks config.json and preprocessor_config.json"):
        load(tmp_path)
    folder = copy_of(tiny_networks / "depth", tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="its weights cannot be read"):
        load(folder)


def test_a_network_of_another_kind(tiny_networks: Path) -> None:
    with pytest.raises(UserError, match=f"does not hold what {DEPTH} loads"):
        load(tiny_networks / "segmentation")


def test_weights_that_lack_a_tensor_are_refused_not_randomised(tmp_path: Path, tiny_networks: Path) -> None:
    folder = copy_of(tiny_networks / "depth", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors["head.conv3.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack 1 of the network's tensors, as head.conv3.weight"):
        load(folder)


def test_tensors_of_another_shape_are_refused(tmp_path: Path, tiny_networks: Path) -> None:
    folder = copy_of(tiny_networks / "depth", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"head_hidden_size": 12}))
    with pytest.raises(UserError, match="does not hold what"):
        load(folder)


def test_conditions_import_neither_torch_nor_transformers() -> None:
    code = "import sys, zeroconv.conditions; assert not {'torch', 'transformers', 'diffusers'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["depth", "normal", "segmentation"])
def test_the_condition_says_what_it_needs_and_what_does_without(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: no network at './none'.*method=algorithm"):
        conditions.create(name, weights="./none")(np.zeros((8, 8, 3), np.uint8))
