import pytest

from zeroconv.errors import UserError
from zeroconv.schedulers import scheduler_names
from zeroconv.serve.webui.samplers import SAMPLERS, sampler_name, scheduler_of


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("Euler a", None, "euler-a"),
        ("Euler", "Automatic", "euler"),
        ("Euler", "Karras", "euler-karras"),
        ("DPM++ 2M Karras", None, "dpm++2m-karras"),
        ("DPM++ 2M", "Uniform", "dpm++2m"),
        ("DPM++ 2M", "automatic", "dpm++2m-karras"),
        ("k_dpmpp_2m_ka", None, "dpm++2m-karras"),
        ("k_euler_a", None, "euler-a"),
        ("ddim", "", "ddim"),
        ("PLMS", None, "pndm"),
    ],
)
def test_names_are_understood(sampler: str, schedule: str | None, expected: str) -> None:
    assert scheduler_of(sampler, schedule) == (expected, None)


def test_other_noise_levels_than_webuis_are_said() -> None:
    scheduler, note = scheduler_of("DPM++ 2M SDE", "Automatic")
    assert scheduler == "dpm++2m-sde" and note is not None and "exponential" in note


@pytest.mark.parametrize(
    ("sampler", "schedule", "sentence"),
    [
        ("DPM++ SDE Karras", None, "the nearest here is 'DPM\\+\\+ 2M SDE'"),
        ("DPM adaptive", None, "the nearest here is"),
        ("Eular a", None, "did you mean 'Euler a'"),
        ("Euler a", "Karras", "no karras noise levels here; there are: Uniform"),
        ("Euler", "Kerras", "did you mean 'Karras'"),
        ("DPM++ 2M Exponential", None, "no exponential noise levels here; there are: Uniform and Karras"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(sampler: str, schedule: str | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        scheduler_of(sampler, schedule)


def test_every_scheduler_exists_and_is_named_back() -> None:
    for known in SAMPLERS:
        for ours in filter(None, (known.uniform, known.karras)):
            assert ours in scheduler_names()
            assert (
                scheduler_of(sampler_name(ours), "Automatic" if "Karras" in sampler_name(ours) else "Uniform")[0]
                == ours
            )
