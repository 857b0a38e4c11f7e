import math
from itertools import pairwise

import pytest
import torch

from zeroconv import fields
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig, defaults_for

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("batch_size", 0),
        ("steps", -1),
        ("accumulation", 0),
        ("warm_up", -1),
        ("save_every", 0),
        ("log_every", 0),
        ("prompt_drop", 1.5),
        ("prompt_drop", -0.1),
        ("ema", 1.0),
        ("decay", 2.0),
        ("max_grad_norm", 0.0),
    ],
)
def test_senseless_settings_are_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(UserError, match=setting):
        TrainConfig(**{setting: value})  # type: ignore[arg-type]


def test_a_batch_is_split_evenly() -> None:
    with pytest.raises(UserError, match="3 parts of 4 examples"):
        TrainConfig(batch_size=4, accumulation=3)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    config = TrainConfig(steps=100, learning_rate=1.0, warm_up=9, decay=0.4)
    rates = [config.learning_rate_at(step) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert set(rates[9:60]) == {1.0}
    assert all(late < early for early, late in pairwise(rates[61:]))
    assert rates[80] == pytest.approx(0.5, abs=0.03) and 0 < rates[-1] < 0.001


def test_without_warm_up_and_decay_the_learning_rate_is_constant() -> None:
    config = TrainConfig(steps=5, learning_rate=2e-5)
    assert [config.learning_rate_at(step) for step in range(1, 6)] == [2e-5] * 5


def test_the_papers_recipe_is_the_default_and_small_bases_have_their_own() -> None:
    config = TrainConfig()
    assert (config.learning_rate, config.prompt_drop, config.batch_size) == (1e-5, 0.5, 4)
    assert TrainConfig(**defaults_for(6_000_000, CPU)).learning_rate > 1e-4


def test_large_bases_compute_in_bf16_where_the_device_multiplies_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, expected in (("float32", {}), ("bfloat16", {"precision": "bf16"})):
        monkeypatch.setattr("zeroconv.training.config.fastest_type", lambda _, kind=kind: kind)
        assert defaults_for(859_520_964, CPU) == expected
        assert "precision" not in defaults_for(6_000_000, CPU)


def test_every_setting_is_explained() -> None:
    for option in fields.options(TrainConfig):
        assert option.help.endswith("."), option.name
