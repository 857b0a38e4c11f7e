"""A request to webui's txt2img or img2img -> our Request, and in sentences what is not as webui does it.

What would make another picture than the one that was asked for is refused; what has no effect here is said in the
answer's `info`. Nothing is changed in silence.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

from zeroconv.errors import UserError, nearest
from zeroconv.images import fit
from zeroconv.request import Lora, Request
from zeroconv.request.request import MAX_SIDE
from zeroconv.serve.api.reading import check_text
from zeroconv.serve.jobs.admission import check_pixels
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits
from zeroconv.serve.webui.fields import check_fields
from zeroconv.serve.webui.networks import check_none, loras_of
from zeroconv.serve.webui.samplers import scheduler_of
from zeroconv.serve.webui.schema import Img2Img, Txt2Img
from zeroconv.serve.webui.units import Read, Translated, read_unit, resize_mode, translate_unit

_WEIGHTED = re.compile(r"\([^()]{1,200}:\s*[\d.]{1,10}\)")


@dataclass(frozen=True)
class Order:
    """What one request comes to."""

    request: Request
    base: str
    sampler: str | None
    """The sampler as the client named it."""
    shown: tuple[bool, ...] = ()
    """Of each control, whether its condition image is wanted beside the pictures."""
    notes: tuple[str, ...] = ()
    """What is not as webui does it."""


def translate(asked: Txt2Img, models: Models, limits: Limits, read: Read, *, base: str) -> Order:
    """The run that a request asks for, on `base` where it names none. UserError for what cannot be done."""
    notes = check_fields(asked)
    base = base_named(asked.override_settings.get("sd_model_checkpoint"), models) or base
    size, more = _size(asked, models, limits, base)
    sampler = asked.sampler_name or asked.sampler_index
    scheduler, note = scheduler_of(sampler, asked.scheduler) if sampler else (None, None)
    image, changes = _picture_to_change(asked, read, size) if isinstance(asked, Img2Img) else (None, {})
    units = _units(asked, models, limits, read, image)
    prompt, loras, unused = _prompt(asked, models)
    run = "pad" if any(unit.fit == "pad" for unit in units) else units[0].fit if units else "crop"
    request = Request(
        prompt=prompt,
        negative=_negative(asked.negative_prompt),
        controls=tuple(unit.brought_to(size, run) for unit in units),
        steps=asked.steps,
        guidance=asked.cfg_scale,
        seeds=_seeds(asked, limits),
        size=size,
        scheduler=scheduler,
        fit=run,
        prompt_mode="long",
        loras=loras,
        **changes,
    )
    said = (*notes, *more, *([note] if note else []), *unused, *_prompt_notes(asked), *_image_notes(asked))
    shown = tuple(unit.is_shown for unit in units)
    return Order(request, base, sampler, shown, (*said, *(note for unit in units for note in unit.notes)))


def base_named(name: object, models: Models) -> str | None:
    """The base that a client means by webui's `sd_model_checkpoint`; None where it names none."""
    if name is None or name == "":
        return None
    plain = str(name).split(" [")[0].strip()
    if plain not in models.bases():
        raise UserError(f"no base {plain!r} is offered here; {nearest(plain, models.bases())}")
    return plain


def _size(asked: Txt2Img, models: Models, limits: Limits, base: str) -> tuple[tuple[int, int], tuple[str, ...]]:
    """(width, height) as the base can make it, and what had to be said about it."""
    info = models.bases()[base]
    native, multiple = info.native_size or 512, info.multiple or 8
    given = tuple(native if side is None else side for side in (asked.width, asked.height))
    if min(given) < 1 or max(given) > MAX_SIDE:
        raise UserError(f"width and height must be 1 to {MAX_SIDE}, not {given[0]} and {given[1]}")
    width, height = (max(1, round(side / multiple)) * multiple for side in given)
    check_pixels((width, height), limits)
    notes = []
    if asked.width is None or asked.height is None:
        notes.append(f"the size is {base}'s native {native} where none is asked for; webui has 512")
    if (width, height) != given:
        notes.append(f"the size is {width}x{height}: {base} makes multiples of {multiple}")
    return (width, height), tuple(notes)


def _seeds(asked: Txt2Img, limits: Limits) -> tuple[int, ...]:
    """One a picture, each the one before and one more, as webui counts."""
    count = asked.batch_size * asked.n_iter
    if count > limits.pictures:
        raise UserError(f"{count} pictures are more than the {limits.pictures} of one request")
    first = secrets.randbelow(2**32) if asked.seed == -1 else asked.seed
    return tuple(range(first, first + count))


def _units(
    asked: Txt2Img, models: Models, limits: Limits, read: Read, otherwise: Image.Image | None
) -> tuple[Translated, ...]:
    args = _args(asked.alwayson_scripts)
    named = [(f"unit {index} of ControlNet", given) for index, given in enumerate(args) if given is not None]
    units = [(of, read_unit(given, of)) for of, given in named]
    enabled = [(of, unit) for of, unit in units if unit.enabled]
    if len(enabled) > limits.controls:
        raise UserError(f"{len(enabled)} units of ControlNet are more than the {limits.controls} of one request")
    return tuple(translate_unit(unit, of, models, read, otherwise) for of, unit in enabled)


def _args(scripts: Mapping[str, Any]) -> list[Any]:
    """The units in `alwayson_scripts`; UserError for a script that is none of ours and would act."""
    found: list[Any] = []
    for name, script in scripts.items():
        args = script.get("args", []) if isinstance(script, dict) else None
        if not isinstance(args, list):
            raise UserError(f'alwayson_scripts: {name[:100]} must be an object with "args"')
        if name.lower() == "controlnet":
            found += args
        elif any(args) and args[0] is not False:
            raise UserError(f"the script {name[:100]!r} is not here; there is only ControlNet")
    return found


def _picture_to_change(asked: Img2Img, read: Read, size: tuple[int, int]) -> tuple[Image.Image, dict[str, Any]]:
    """The picture an image-to-image request begins with, and the fields of Request that come of it."""
    if len(asked.init_images) != 1:
        raise UserError(f"init_images must be one picture, not {len(asked.init_images)}")
    how = resize_mode(asked.resize_mode, "img2img")
    picture = read(asked.init_images[0], "init_images")
    changes: dict[str, Any] = {"image": fit(picture, size, how), "denoise": asked.denoising_strength}
    if asked.mask:
        mask = read(asked.mask, "mask").convert("L")
        mask = ImageOps.invert(mask) if asked.inpainting_mask_invert else mask
        changes |= {"mask": fit(mask.convert("RGB"), size, how), "feather": asked.mask_blur}
    return picture, changes


def _prompt(asked: Txt2Img, models: Models) -> tuple[str, tuple[Lora, ...], tuple[str, ...]]:
    """The words of the prompt, the LoRAs it names, and what is to be said of them."""
    check_text(asked.prompt, "prompt")
    prompt, loras = loras_of(asked.prompt, models)
    if loras and (asked.model_extra or {}).get("disable_extra_networks"):
        return prompt, (), ("the LoRAs in the prompt are left out, as disable_extra_networks asks",)
    return prompt, loras, ()


def _negative(text: str) -> str:
    check_text(text, "negative_prompt")
    check_none(text, "negative_prompt")
    return text


def _prompt_notes(asked: Txt2Img) -> tuple[str, ...]:
    if any(_WEIGHTED.search(text) for text in (asked.prompt, asked.negative_prompt)):
        return ("weights in brackets, as in (red:1.2), are read as plain text here",)
    return ()


def _image_notes(asked: Txt2Img) -> tuple[str, ...]:
    if not isinstance(asked, Img2Img):
        return ()
    notes = []
    if asked.resize_mode == 3:
        notes.append("resize_mode 3 (latent upscale) is the same as 0 here")
    if asked.mask and asked.inpainting_fill != 1:
        notes.append("what is masked begins as the picture it was, as with inpainting_fill 1")
    if asked.mask and asked.inpaint_full_res:
        notes.append("the whole picture is sampled, as with inpaint_full_res false")
    if asked.mask:
        notes.append("the mask fades within itself over mask_blur pixels; webui blurs it to both sides")
    return tuple(notes)
