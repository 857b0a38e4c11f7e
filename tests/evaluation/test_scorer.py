"""The scorer: what goes into its figures, its rows and its protocol, for folders and for generators."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tinyclip import write_clip, write_dino

from zeroconv.errors import UserError
from zeroconv.evaluation.frechet import frechet_distance
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.quality.kernel import estimate_kernel
from zeroconv.evaluation.quality.pictures import of_scenes
from zeroconv.evaluation.quality.scorer import Scorer, score
from zeroconv.perception import load_perception

pytestmark = pytest.mark.filterwarnings("ignore:.*pictures a side are few:UserWarning")
RENDERED = of_scenes(8, 128)
TRUE = [RENDERED.load(k) for k in range(8)]
OTHERS = [of_scenes(6, 128, seed=2_000_001).load(k) for k in range(6)]


def noisy(prompt: str, seed: int) -> Picture:
    """A stand-in for a generator: the true picture of the caption under noise of the seed."""
    noise = np.random.default_rng(seed).normal(0, 40, (128, 128, 3))
    return (TRUE[RENDERED.captions.index(prompt)] + noise).clip(0, 255).astype(np.uint8)


def test_distances_are_those_of_the_judges_features() -> None:
    report = score(TRUE, reference=OTHERS, measures="scenes-fid,scenes-kid", device="cpu")
    judge = Judge(load_perception())
    first, second = judge.features(TRUE), judge.features(OTHERS)
    assert report["scenes-fid"].mean == pytest.approx(frechet_distance(first, second), rel=1e-6)
    assert report["scenes-kid"] == estimate_kernel(first, second)
    assert report["scenes-fid"].count == 8


def test_few_pictures_are_said_beside_the_figure_and_as_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"scenes-fid: 6 pictures a side are few.*1120 or more"):
        report = score(TRUE, reference=OTHERS, measures="scenes-fid,scenes-kid", device="cpu")
    meanings = {measure.name: measure.meaning for measure in report.measures}
    assert "6 pictures a side are few" in meanings["scenes-fid"]
    assert "few" not in meanings["scenes-kid"]
    many = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 8, 3), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score(list(many[0]), reference=list(many[1]), measures="scenes-kid", device="cpu")


def test_a_generator_and_the_pictures_it_drew_have_one_score(tmp_path: Path) -> None:
    prompts = list(RENDERED.captions[:6])
    drawn = score(noisy, prompts=prompts, seed=3, measures="scenes-score", device="cpu")
    for number, prompt in enumerate(prompts):
        Image.fromarray(noisy(prompt, 3 + number)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(prompt)
    kept = score(tmp_path, measures="scenes-score", device="cpu")
    assert drawn["scenes-score"] == kept["scenes-score"]
    assert drawn.subject["pixels"] == kept.subject["pixels"]
    assert drawn.protocol_hash == kept.protocol_hash
    assert [row["seed"] for row in drawn.rows] == [3, 4, 5, 6, 7, 8]
    assert [row["pixels"] for row in drawn.rows] == [row["pixels"] for row in kept.rows]


def test_the_true_picture_of_a_caption_shows_what_it_names_and_another_does_not() -> None:
    right = score(RENDERED, measures="scenes-score", device="cpu")["scenes-score"].mean
    wrong = score(TRUE, prompts=RENDERED.captions[1:] + RENDERED.captions[:1], measures="scenes-score", device="cpu")
    assert right > 0.9
    assert wrong["scenes-score"].mean < 0.5


def test_the_protocol_holds_the_rule_and_not_the_pictures_measured() -> None:
    scorer = Scorer("scenes-kid", reference=of_scenes(4, 128), device="cpu")
    one, two = scorer.score(of_scenes(3, 128, seed=2_000_003)), scorer.score(of_scenes(3, 128, seed=2_000_004))
    assert one.protocol_hash == two.protocol_hash
    assert one.subject["pixels"] != two.subject["pixels"]
    assert one.protocol["reference"] == {"count": 4, "scenes": 2_000_002, "size": 128}
    assert one.protocol["zeroconv"]
    assert len(one.protocol["backbones"]["scenes"]["weights"]) == 16
    assert scorer.score(of_scenes(4, 128, seed=2_000_003)).protocol_hash != one.protocol_hash
    other = score(of_scenes(3, 128, seed=2_000_003), reference=TRUE[:4], measures="scenes-kid", device="cpu")
    assert other.protocol["reference"].keys() == {"count", "pixels"}
    assert other.protocol_hash != one.protocol_hash


def test_all_networks_together(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", features=24)
    torch.save({"weight": torch.randn(1, 24), "bias": torch.tensor([5.0])}, tmp_path / "head.pth")
    weights = {"clip": str(tmp_path / "clip"), "dino": str(write_dino(tmp_path / "dino"))}
    report = score(
        RENDERED,
        reference=OTHERS,
        measures="clip-fid, clip-kid, dino-fid, clip-score, aesthetic",
        weights={**weights, "aesthetic": str(tmp_path / "head.pth")},
        device="cpu",
    )
    assert [measure.name for measure in report.measures] == [
        "clip-fid",
        "clip-kid",
        "dino-fid",
        "clip-score",
        "aesthetic",
    ]
    assert list(report.rows[0]) == ["number", "name", "seed", "caption", "pixels", "clip-score", "aesthetic"]
    assert np.mean([row["aesthetic"] for row in report.rows]) == pytest.approx(report["aesthetic"].mean)
    assert report.protocol["aesthetic"]
    assert report.protocol["backbones"].keys() == {"clip", "dino"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measures": "scenes-fit"}, "unknown measure 'scenes-fit'; did you mean 'scenes-fid'"),
        ({"measures": " ,"}, "--measures names none"),
        ({"measures": "scenes-fid"}, "scenes-fid compares with other pictures: give a reference"),
        ({"measures": "scenes-fid", "reference": TRUE[:1]}, "has one picture"),
        ({"measures": "scenes-score"}, "scenes-score needs captions, and a list has none"),
        ({"measures": "scenes-score", "weights": {"klip": "x"}}, "no weights are called 'klip'; did you mean 'clip'"),
    ],
)
def test_mistakes_are_said(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        score(TRUE[:3], device="cpu", **settings)  # type: ignore[arg-type]


def test_a_reference_that_nothing_compares_with_is_said_and_not_read() -> None:
    with pytest.warns(UserWarning, match="none of scenes-score compares with a reference: it has no effect"):
        report = score(RENDERED, reference=OTHERS, measures="scenes-score", device="cpu")
    assert report.protocol["reference"] is None


def test_one_picture_and_no_prompts_are_refused() -> None:
    with pytest.raises(UserError, match="at least 2 pictures"):
        score(TRUE[:1], prompts=["a cube"], measures="scenes-score", device="cpu")
    with pytest.raises(UserError, match="give prompts"):
        score(noisy, measures="scenes-score", device="cpu")
