"""Several requests made ready, sampled as one: what they may differ in, each picture has of its own."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import chain

from zeroconv.generate.prepared import OwnImages, Prepared, PreparedControl
from zeroconv.request.control import ControlRequest
from zeroconv.request.request import Request


def agreement(request: Request) -> Hashable | None:
    """What requests on one base must agree in to be sampled together, from a request in which nothing is left open.

    Prompts, negative prompts, seeds, strengths, condition images and masks may differ. None: it is sampled alone, as
    one that begins from a picture.
    """
    if request.image is not None:
        return None
    settings = (request.size, request.steps, request.guidance, request.scheduler, request.speed, request.prompt_mode)
    loras = tuple((str(lora.file), lora.strength) for lora in request.loras)
    return settings, loras, tuple(_control_agreement(control) for control in request.controls)


def _control_agreement(control: ControlRequest) -> Hashable:
    when = (control.start, control.end, control.window, control.schedule)
    where = (control.weights, control.conditional_only, control.mask is None)
    return control.name, str(control.checkpoint), when, where


def join(several: Sequence[Prepared]) -> Prepared:
    """One run with the pictures of all, in order; all are for one base, LoRAs included, and have one `agreement`.

    A picture is, to 1/255, the one it is alone.
    """
    if len(several) == 1:
        return several[0]
    first = several[0]
    agreements = {agreement(each.request) for each in several}
    assert len(agreements) == 1 and agreements != {None} and all(each.base is first.base for each in several)
    counts = [len(each.request.seeds) for each in several]
    controls = tuple(_joined_control(each, counts) for each in zip(*(each.controls for each in several), strict=True))
    request = replace(
        first.request,
        prompt=tuple(chain.from_iterable(_each(each.request, each.request.prompt) for each in several)),
        negative=tuple(chain.from_iterable(_each(each.request, each.request.negative) for each in several)),
        seeds=tuple(chain.from_iterable(each.request.seeds for each in several)),
        controls=tuple(control.request for control in controls),
    )
    return replace(first, request=request, controls=controls, notes=())


def _joined_control(several: Sequence[PreparedControl], counts: Sequence[int]) -> PreparedControl:
    """The same control of several runs, which have so many pictures each."""
    pairs = list(zip(several, counts, strict=True))
    strengths = tuple(chain.from_iterable(control.request.strengths(count) for control, count in pairs))
    own = tuple(chain.from_iterable(_own_images(control, count) for control, count in pairs))
    return replace(several[0], request=replace(several[0].request, strength=strengths), own=own)


def _own_images(control: PreparedControl, count: int) -> tuple[OwnImages, ...]:
    return control.own or (OwnImages(control.condition, control.mask),) * count


def _each(request: Request, text: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text a picture."""
    return (text,) * len(request.seeds) if isinstance(text, str) else text
