"""The recipes run from the first step to folders that load: with a handful of scenes and steps nothing is learnt."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from zeroconv import load_base
from zeroconv.perception import PerceptionNetwork, load_perception, save_perception

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(autouse=True, scope="module")
def no_traces() -> Iterator[None]:
    """Recipes import their neighbours by short names and choose a number of threads: neither outlives this file."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    for name, module in list(sys.modules.items()):
        if str(RECIPES) in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]


def run(script: str, *arguments: object) -> None:
    """One recipe with its arguments, in this process: a fresh one would spend its time importing."""
    path, argv, places = RECIPES / script, sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [str(path), *map(str, arguments)], [str(path.parent)]
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, places


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered shards and an autoencoder that has seen two batches."""
    state = tmp_path_factory.mktemp("state")
    run("base/render.py", "--out", state / "scenes", "--count", 8)
    run("base/render.py", "--out", state / "scenes", "--count", 6, "--seed", 2)
    run("base/autoencoder.py", "--shards", state / "scenes", "--out", state / "vae", "--steps", 2, "--batch", 2)
    return state


def test_the_base_goes_from_scenes_to_the_folder_that_ships(state: Path) -> None:
    run("base/text.py", "--out", state / "text", "--count", 1100, "--steps", 2)
    data = ("--shards", state / "scenes", "--vae", state / "vae" / "vae", "--out", state / "denoiser", "--batch", 2)
    run("base/denoiser.py", *data, "--text", state / "text", "--steps", 1)
    run("base/denoiser.py", *data, "--text", state / "text", "--steps", 2)  # goes on after the first step
    saved = torch.load(state / "denoiser" / "state.pt", weights_only=True)
    assert saved["step"] == 2
    run("base/assemble.py", "--pipeline", state / "denoiser" / "pipeline", "--out", state / "tiny")
    base = load_base(str(state / "tiny"))
    assert base.native_size == 128
    assert base.encode_image(torch.zeros(1, 3, 128, 128)).shape == (1, 8, 16, 16)


def test_the_curves_of_two_runs_are_one_picture(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(
        'a warning\n{"step": 50, "loss": 0.9, "objects": 1.1}\n{"step": 100, "loss": 0.6, "objects": 0.9}\n'
    )
    second.write_text('{"step": 50, "loss": 0.5, "objects": 0.8}\n' * 2)
    autoencoder = tmp_path / "autoencoder"
    autoencoder.write_text('{"step": 500, "psnr": 30.2}\n{"step": 1000, "psnr": 31.0}\n')
    run("base/curves.py", "--autoencoder", autoencoder, "--denoiser", first, second, "--out", tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size[0] > 600


def test_the_perception_network_learns_from_the_same_shards(state: Path) -> None:
    data = ("--shards", state / "scenes", "--vae", state / "vae" / "vae", "--out", state / "perception")
    torch.manual_seed(0)
    save_perception(PerceptionNetwork((24, 48, 96, 64)), state / "narrower")  # its deepest level fits no more
    run("perception/train.py", *data, "--start", state / "narrower", "--steps", 2, "--batch", 4)
    seen = load_perception(state / "perception" / "network")(torch.zeros(1, 3, 128, 128))
    assert seen.classes.shape == (1, 12, 128, 128)
    assert (state / "perception" / "log.jsonl").read_text().count("decoded kind") == 1
