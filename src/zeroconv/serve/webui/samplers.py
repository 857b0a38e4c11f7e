"""webui's samplers by our names: its "DPM++ 2M" with the noise levels "Karras" is dpm++2m-karras here.

webui names a sampler and, since its version 1.9, the noise levels apart; before, as one ("DPM++ 2M Karras"). Both
are understood. Source: the names its /sdapi/v1/samplers and /sdapi/v1/schedulers give.
"""

from dataclasses import dataclass

from zeroconv.errors import UserError, nearest


@dataclass(frozen=True)
class Sampler:
    """One of webui's samplers, as far as we have it."""

    name: str
    aliases: tuple[str, ...]
    uniform: str | None
    """Our scheduler for it with evenly spaced time steps."""
    karras: str | None = None
    """Our scheduler for it with the noise levels of arXiv:2206.00364."""
    automatic: str = "uniform"
    """The noise levels that webui takes where none are named."""


SAMPLERS = (
    Sampler("Euler a", ("k_euler_a", "k_euler_ancestral"), "euler-a"),
    Sampler("Euler", ("k_euler",), "euler", "euler-karras"),
    Sampler("DPM++ 2M", ("k_dpmpp_2m",), "dpm++2m", "dpm++2m-karras", "karras"),
    Sampler("DPM++ 2M SDE", ("k_dpmpp_2m_sde",), "dpm++2m-sde", automatic="exponential"),
    Sampler("LMS", ("k_lms",), "lms"),
    Sampler("Heun", ("k_heun",), "heun"),
    Sampler("DPM2", ("k_dpm_2",), "dpm2", automatic="karras"),
    Sampler("DPM2 a", ("k_dpm_2_a",), "dpm2-a", automatic="karras"),
    Sampler("DDIM", ("ddim",), "ddim"),
    Sampler("PLMS", ("plms",), "pndm"),
    Sampler("UniPC", ("unipc",), "unipc"),
    Sampler("LCM", ("k_lcm",), "lcm"),
)
SCHEDULES = ("Automatic", "Uniform", "Karras")
"""The noise levels that can be named."""

_NEAREST = {
    "dpm++ sde": "DPM++ 2M SDE",
    "dpm++ 2s a": "Euler a",
    "dpm++ 3m sde": "DPM++ 2M SDE",
    "dpm++ 2m sde heun": "DPM++ 2M SDE",
    "dpm fast": "DPM++ 2M",
    "dpm adaptive": "DPM++ 2M",
    "restart": "Heun",
    "ddim cfg++": "DDIM",
}
"""What webui has and we have not, and what comes next to it."""


def scheduler_of(sampler: str, schedule: str | None = None) -> tuple[str, str | None]:
    """Our scheduler for webui's sampler and noise levels, and what is not as webui does it, if anything.

    UserError with the nearest one for what we do not have.
    """
    name, named = _parted(sampler)
    found = next((known for known in SAMPLERS if name in (known.name.lower(), *known.aliases)), None)
    if found is None:
        closest = _NEAREST.get(name)
        clause = f"the nearest here is {closest!r}" if closest else nearest(name, [known.name for known in SAMPLERS])
        raise UserError(f"there is no sampler {sampler!r} here; {clause}")
    asked = named or _schedule(schedule)
    levels = found.automatic if asked == "automatic" else asked
    ours = {"uniform": found.uniform, "karras": found.karras}.get(levels)
    if ours is not None:
        return ours, None
    assert found.uniform is not None
    if asked == "automatic":
        return (
            found.uniform,
            f"the sampler {found.name} has evenly spaced time steps here, in webui {levels} noise levels",
        )
    have = " and ".join(label for label, there in (("Uniform", found.uniform), ("Karras", found.karras)) if there)
    raise UserError(f"the sampler {found.name} has no {levels} noise levels here; there are: {have}")


def sampler_name(scheduler: str) -> str:
    """webui's name, noise levels included, for one of our schedulers; our own name where webui has none."""
    for known in SAMPLERS:
        if scheduler == known.karras:
            return f"{known.name} Karras"
        if scheduler == known.uniform:
            return known.name
    return scheduler


def _parted(sampler: str) -> tuple[str, str | None]:
    """The sampler's name and the noise levels that older versions write behind it."""
    name = sampler.strip().lower()
    for schedule in ("karras", "exponential"):
        if name.endswith(f" {schedule}"):
            return name.removesuffix(f" {schedule}"), schedule
    if name.startswith("k_") and name.endswith("_ka"):
        return name.removesuffix("_ka"), "karras"
    return name, None


def _schedule(schedule: str | None) -> str:
    name = (schedule or "automatic").strip().lower()
    if name in ("automatic", "uniform", "karras"):
        return name
    raise UserError(f"there are no noise levels {schedule!r} here; {nearest(name, SCHEDULES)}")
