import shutil
import types
from pathlib import Path
from typing import Any

import pytest
from sameness import same

from zeroconv import weights
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights import (
    as_diffusers,
    file_hash,
    load,
    load_with_sidecar,
)


class TestPlaces:
    def test_a_built_in_name(self, folder: Path, base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(weights.BUILT_IN, "tiny-canny", folder)
        assert load_with_sidecar("tiny-canny", base)[1].condition == "canny"
        with pytest.raises(UserError, match="did you mean 'tiny-canny'"):
            load("tiny-cany", base)

    def test_nothing_there(self, base: BaseModel, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"no ControlNet '.*absent\.pth': expected a folder"):
            load(tmp_path / "absent.pth", base)

    def test_folders_that_are_something_else(self, base: BaseModel, tmp_path: Path, folder: Path) -> None:
        with pytest.raises(UserError, match=r"did you mean .*net\?"):
            load(folder.parent, base)
        (tmp_path / "base").mkdir()
        (tmp_path / "base" / "model_index.json").write_text("{}")
        with pytest.raises(UserError, match="got a base"):
            load(tmp_path / "base", base)
        (folder / "config.json").write_text('{"_class_name": "FluxControlNetModel"}')
        with pytest.raises(UserError, match="holds a FluxControlNetModel, expected a ControlNetModel"):
            load(folder, base)
        (folder / "config.json").write_text("{")
        with pytest.raises(UserError, match="expected JSON"):
            load(folder, base)

    def test_a_folder_without_weights(self, folder: Path, base: BaseModel) -> None:
        (folder / "diffusion_pytorch_model.safetensors").unlink()
        with pytest.raises(UserError, match="has no weights"):
            load(folder, base)

    @pytest.mark.parametrize(
        "variant", [{"variant": "fp16"}, {"safe_serialization": False}, {"max_shard_size": "100KB"}]
    )
    def test_every_kind_of_diffusers_folder(
        self, variant: dict[str, Any], base: BaseModel, controlnet: ControlNet, tmp_path: Path
    ) -> None:
        as_diffusers(controlnet).save_pretrained(tmp_path, **variant)
        assert same(load(tmp_path, base), controlnet)

    def test_only_the_needed_files_come_from_the_hub(
        self, folder: Path, base: BaseModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        names = [path.name for path in folder.iterdir()]
        unwanted = [
            "README.md",
            "diffusion_pytorch_model.fp16.safetensors",
            "diffusion_pytorch_model.bin",
            "images/a.png",
        ]
        files = [types.SimpleNamespace(rfilename=name) for name in [*names, *unwanted]]
        asked: list[str] = []

        def download(repository: str, allow_patterns: list[str]) -> str:
            asked.extend(allow_patterns)
            return str(folder)

        info = types.SimpleNamespace(siblings=files)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        assert load_with_sidecar("owner/net", base)[1].condition == "canny"
        assert sorted(asked) == sorted(names)

    def test_a_hub_that_fails_is_one_sentence(self, base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        def unreachable(*_: object, **__: object) -> None:
            raise ConnectionError("no network")

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
        with pytest.raises(UserError, match=r"could not get the ControlNet 'owner/net' from the hub: no network$"):
            load("owner/net", base)

    def test_the_hash_names_the_file(self, folder: Path, tmp_path: Path) -> None:
        import hashlib

        content = (folder / "diffusion_pytorch_model.safetensors").read_bytes()
        assert file_hash(folder) == file_hash(str(folder)) == hashlib.sha256(content).hexdigest()
        assert file_hash(tmp_path / "absent") is None
        assert file_hash(object()) is None

    def test_a_newer_or_damaged_sidecar(self, folder: Path, base: BaseModel) -> None:
        (folder / "zeroconv.json").write_text('{"schema": 99}')
        with pytest.raises(UserError, match="schema 99"):
            load(folder, base)
        for content in ("{", "[]", '{"range": 5}'):
            (folder / "zeroconv.json").write_text(content)
            with pytest.raises(UserError, match="damaged"):
                load(folder, base)

    def test_the_weights_do_not_hang_on_the_file(self, folder: Path, base: BaseModel, controlnet: ControlNet) -> None:
        loaded = load(folder, base)
        shutil.rmtree(folder)
        assert same(loaded, controlnet)
