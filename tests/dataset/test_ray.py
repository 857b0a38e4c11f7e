"""The same build as a Ray Data job: the same bytes, and one sentence where Ray is not installed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.cli.entry import main
from zeroconv.dataset import Plan, build
from zeroconv.errors import UserError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Forty pictures, more than one block of them, and one that is cut short."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 255, (24, 30, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number:02d}.png")
    (folder / "cut.png").write_bytes((folder / "07.png").read_bytes()[:60])
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.name != "done.jsonl"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two workers on this machine."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ""
    ray.shutdown()


@pytest.mark.filterwarnings("ignore")  # Ray's own, of its own code
@pytest.mark.parametrize("layout", ["imagefolder", "webdataset"])
def test_a_cluster_writes_the_same_bytes(photos: Path, tmp_path: Path, cluster: str, layout: str) -> None:
    plan = Plan(conditions=("canny", "hed"), size=32, random_canny=True, layout=layout, shard_size=15)  # type: ignore[arg-type]
    alone, together = tmp_path / "alone", tmp_path / "together"
    for _ in build(photos, alone, plan, workers=0):
        pass
    steps = list(build(photos, together, plan, cluster=cluster))
    assert (len(steps), steps[-1].done, steps[-1].skipped) == (42, 40, 1)
    assert contents(together) == contents(alone)
    missing = plan.conditions[0] if layout == "imagefolder" else ""
    victim = together / missing / "11.png" if missing else together / "shard-000001.tar"
    victim.unlink()
    for _ in build(photos, together, plan, cluster=cluster):  # goes on where something is missing
        pass
    assert contents(together) == contents(alone)


@pytest.mark.filterwarnings("ignore")
def test_a_mistake_is_one_sentence_on_a_cluster_too(photos: Path, tmp_path: Path, cluster: str) -> None:
    plan = Plan(conditions=("depth",), size=32, options={"depth": {"weights": "./none"}})
    with pytest.raises(UserError, match=r"depth: no network at './none'"):
        list(build(photos, tmp_path / "out", plan, cluster=cluster))


def test_without_ray_the_extra_is_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["dataset", "build", str(photos), "--conditions", "canny", "--size", "32", "--ray"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "--ray needs the extra ray (pip install 'zeroconv[ray]')" in error and "Traceback" not in error
