"""What the API reads and writes, for OpenAPI: run.json's schema with pictures in place of files.

The sentences are those under the fields of `Request` and `ControlRequest`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zeroconv import fields
from zeroconv.images import Fit
from zeroconv.request import ControlRequest, Lora, Request
from zeroconv.request.prompt_mode import PromptMode
from zeroconv.request.request import MAX_SIDE, MAX_STEPS
from zeroconv.request.speed import Speed
from zeroconv.sampling.timing import Window
from zeroconv.serve.jobs import Status

_ASKED, _CONTROL, _LORA = (fields.documentation(each) for each in (Request, ControlRequest, Lora))
_PICTURE = "base64, a data: URL, or in multipart/form-data the name of a part; paths and addresses are not opened"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
)
"""One white pixel."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Numbers = Annotated[list[Number], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Option = bool | int | Number | str | None
CAME = "What came of a run, in a run.json; not read."
Came = Annotated[Any, Field(description=CAME)]


class Body(BaseModel):
    """A JSON object whose values have the types they are written in."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=True)


class ControlBody(Body):
    """One control, as in run.json."""

    condition: str = Field(description=_CONTROL["name"], examples=["canny"], max_length=100)
    image: str = Field(description=f"{_CONTROL['image']} {_PICTURE}.", examples=[PIXEL])
    strength: Number | Numbers = Field(1.0, description=_CONTROL["strength"])
    start: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description=_CONTROL["start"])
    end: Annotated[float, Field(ge=0, le=1)] = Field(1.0, description=_CONTROL["end"])
    window: Window = Field("steps", description=_CONTROL["window"])
    schedule: str | Numbers = Field("constant", description=_CONTROL["schedule"])
    weights: str | Numbers = Field("flat", description=_CONTROL["weights"])
    conditional_only: bool = Field(False, description=_CONTROL["conditional_only"])
    mask: str | None = Field(None, description=f"{_CONTROL['mask']} {_PICTURE}.")
    feather: Annotated[float, Field(ge=0, le=MAX_SIDE)] = Field(0.0, description=_CONTROL["feather"])
    ready: bool = Field(False, description=_CONTROL["ready"])
    checkpoint: str | None = Field(
        None, description="A ControlNet by its name in /v1/models. None: the first for the condition.", max_length=100
    )
    options: dict[str, Option] = Field(default_factory=dict, description=_CONTROL["options"])
    image_sha256: Came = None
    mask_sha256: Came = None
    checkpoint_sha256: Came = None
    condition_image: Came = None
    mask_copy: Came = None


class LoraBody(Body):
    """One LoRA, as in run.json."""

    file: str = Field(
        description="A LoRA by its name in /v1/models; a path or an address is not opened.",
        examples=["watercolour"],
        min_length=1,
        max_length=100,
    )
    strength: Number = Field(1.0, description=_LORA["strength"])
    sha256: Came = None


class BaseName(BaseModel):
    """A base as run.json has it."""

    name: str | None = Field(None, examples=["tiny"], max_length=100)


class GenerateBody(Body):
    """A request in run.json's schema; a run.json is one too, with its pictures in place of their paths."""

    schema_: Literal[1] = Field(1, alias="schema", description="The version of the schema.")
    base: str | BaseName | None = Field(
        None, description="A base by its name in /v1/models. None: the first.", examples=["tiny"]
    )
    prompt: str | list[str] = Field(description=_ASKED["prompt"], examples=["a red house under a blue sky"])
    negative: str | list[str] = Field("", description=_ASKED["negative"])
    controls: list[ControlBody] | None = Field(default_factory=list, description=_ASKED["controls"])
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] = Field(20, description=_ASKED["steps"])
    guidance: Annotated[float, Field(ge=0, le=100)] | None = Field(None, description=_ASKED["guidance"])
    seeds: Annotated[list[Seed], Field(min_length=1)] = Field(default_factory=lambda: [0], description=_ASKED["seeds"])
    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = Field(
        None, description=_ASKED["size"], examples=[[128, 128]]
    )
    scheduler: str | None = Field(None, description=_ASKED["scheduler"], examples=["unipc"], max_length=100)
    fit: Fit = Field("crop", description=_ASKED["fit"])
    image: str | None = Field(None, description=f"{_ASKED['image']} {_PICTURE}.")
    mask: str | None = Field(None, description=f"{_ASKED['mask']} {_PICTURE}.")
    paste: bool = Field(True, description=_ASKED["paste"])
    feather: Annotated[float, Field(ge=0, le=MAX_SIDE)] = Field(4.0, description=_ASKED["feather"])
    denoise: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description=_ASKED["denoise"])
    prompt_mode: PromptMode = Field("plain", description=_ASKED["prompt_mode"])
    speed: Speed = Field("exact", description=_ASKED["speed"])
    loras: list[LoraBody] | None = Field(default_factory=list, description=_ASKED["loras"])
    image_sha256: Came = None
    mask_sha256: Came = None
    image_copy: Came = None
    mask_copy: Came = None
    dtype: Came = None
    zeroconv: Came = None
    device: Came = None
    versions: Came = None
    timings: Came = None
    outputs: Came = None
    created: Came = None


class AnnotateBody(Body):
    """Which condition to make of which picture."""

    condition: str = Field(description=_CONTROL["name"], examples=["canny"], max_length=100)
    image: str = Field(description=f"The picture: {_PICTURE}.", examples=[PIXEL])
    options: dict[str, Option] = Field(
        default_factory=dict, description=_CONTROL["options"], examples=[{"low": 50, "high": 120}]
    )
    checkpoint: str | None = Field(
        None, description="A ControlNet in /v1/models, whose options of training are the defaults.", max_length=100
    )


class AnnotationBody(BaseModel):
    """A condition image."""

    condition: str = Field(examples=["canny"])
    image: str = Field(description="A PNG as a data: URL.", examples=[PIXEL])
    size: tuple[int, int] = Field(description="(width, height) in pixels.")
    doubts: list[str] = Field(description="What looks wrong about it, in sentences.")


class ModelBody(BaseModel):
    """A base or a ControlNet."""

    name: str = Field(examples=["tiny-canny"])
    kind: str = Field(examples=["ControlNet"])
    family: str = Field(description="A base and a ControlNet of one family fit.", examples=["tiny"])
    condition: str | None = Field(examples=["canny"])
    native_size: int | None = Field(description="Pixels of the side at which a base was trained.")
    multiple: int | None = Field(description="What width and height of a base's pictures are multiples of.")
    default_guidance: float | None = Field(description="What a base takes where none is asked for.")


class OfferedLora(BaseModel):
    """A LoRA."""

    name: str = Field(examples=["watercolour"])
    bases: list[str] = Field(description="The bases it fits.", examples=[["tiny"]])


class ConditionBody(BaseModel):
    """A condition, and what it takes."""

    name: str = Field(examples=["canny"])
    aliases: list[str]
    polarity: str = Field(examples=["white on black"])
    options: dict[str, Any] = Field(description="Option -> its default.", examples=[{"low": 100, "high": 200}])
    is_extractable: bool = Field(description="Whether it can be made from a picture.")


class ModelsBody(BaseModel):
    """Everything that can be named in a request."""

    bases: list[ModelBody]
    controlnets: list[ModelBody]
    loras: list[OfferedLora]
    conditions: list[ConditionBody]
    limits: dict[str, float] = Field(description="What is granted at most.", examples=[{"steps": 150}])


class Links(BaseModel):
    """Where the rest of a job is."""

    self: str = Field(examples=["/v1/jobs/Z2rVpvYH1Gk0cB0eYc7rMw"])
    events: str
    cancel: str
    pictures: list[str] = Field(description="Of the pictures that are finished.")
    conditions: list[str] = Field(description="The condition images, once it has begun.")


class JobBody(BaseModel):
    """One job as it stands."""

    id: str = Field(examples=["Z2rVpvYH1Gk0cB0eYc7rMw"])
    status: Status
    position: int | None = Field(description="In the queue, 0 is next; null once it runs or has ended.")
    steps_done: int
    steps: int = Field(description="Denoising steps of all its pictures.")
    error: str | None = Field(description="Why it failed, in one sentence.")
    notes: list[str] = Field(
        description="What was decided about it and what has no effect, in sentences.",
        examples=[["the size 100x100 was rounded to 96x96: this base needs multiples of 32"]],
    )
    created: float = Field(description="Seconds since 1970, as began and ended.")
    began: float | None
    ended: float | None
    request: dict[str, Any] = Field(description="In run.json's schema, nothing left open.")
    links: Links


class HistoryBody(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobBody]
    before: str | None = Field(description="Give it as before to see older ones; null where there are none.")
