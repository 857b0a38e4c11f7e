"""What webui's clients send and get: the fields of its /sdapi/v1 and /controlnet that have a meaning here.

A field that is null counts as left out, as clients send all they know. Others are allowed, for there are many
extensions; `translation` says of each whether it is refused or has no effect.
"""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

_UNIT: dict[str, Any] = {
    "enabled": True,
    "module": "canny",
    "model": "tiny-canny",
    "weight": 1.0,
    "image": "(a PNG as base64)",
    "resize_mode": "Crop and Resize",
    "threshold_a": 100,
    "threshold_b": 200,
    "guidance_start": 0.0,
    "guidance_end": 1.0,
    "control_mode": "Balanced",
}
_EXAMPLE: dict[str, Any] = {
    "prompt": "a red cone",
    "seed": 7,
    "steps": 20,
    "cfg_scale": 4.0,
    "width": 128,
    "height": 128,
    "sampler_name": "DDIM",
    "alwayson_scripts": {"controlnet": {"args": [_UNIT]}},
}


class Lenient(BaseModel):
    """Takes null for what is left out, and fields that it does not know."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, given: Any) -> Any:
        """What was given, but for the nulls."""
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class Txt2Img(Lenient):
    """A picture from words, under control where `alwayson_scripts` has units of ControlNet."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    prompt: str = ""
    negative_prompt: str = ""
    seed: int = Field(-1, description="of the first picture, each next one more; -1: drawn by chance")
    batch_size: int = Field(1, ge=1)
    n_iter: int = Field(1, ge=1, description="batches; pictures are batch_size times n_iter")
    steps: int = 20
    cfg_scale: FiniteFloat = Field(7.0, description="how strictly the prompt is followed")
    width: int | None = Field(None, description="pixels; left out: the base's native size")
    height: int | None = Field(None, description="pixels; left out: the base's native size")
    sampler_name: str | None = Field(None, description="as /sdapi/v1/samplers names them; left out: the base's own")
    sampler_index: str | None = Field(None, description="the same in older clients")
    scheduler: str | None = Field(None, description="noise levels: Automatic, Uniform or Karras")
    override_settings: dict[str, Any] = Field(default_factory=dict, description="sd_model_checkpoint names the base")
    alwayson_scripts: dict[str, Any] = Field(
        default_factory=dict, description='units of ControlNet: {"controlnet": {"args": [...]}}'
    )
    send_images: bool = True


class Img2Img(Txt2Img):
    """A picture from another one; with a mask only where it is white."""

    init_images: list[str] = Field(default_factory=list, description="one picture as base64")
    mask: str | None = Field(None, description="a picture as base64, white where it is made anew")
    denoising_strength: FiniteFloat = Field(0.75, description="how much is made anew, above 0 to 1")
    resize_mode: int | str = Field(0, description="0: stretched, 1: cut, 2: padded")
    mask_blur: FiniteFloat = Field(4.0, description="pixels over which the masked part fades in")
    inpainting_fill: int = 1
    inpaint_full_res: bool | int = False
    inpainting_mask_invert: int = 0
    include_init_images: bool = False


class Unit(Lenient):
    """One unit of ControlNet, in the spellings that its versions had."""

    enabled: bool = True
    module: str = "none"
    model: str = "None"
    weight: FiniteFloat = 1.0
    image: Any = Field(None, validation_alias=AliasChoices("image", "input_image"))
    mask: Any = Field(None, validation_alias=AliasChoices("mask", "mask_image", "effective_region_mask"))
    resize_mode: int | str = 1
    processor_res: int | None = None
    threshold_a: FiniteFloat | None = None
    threshold_b: FiniteFloat | None = None
    guidance_start: FiniteFloat = 0.0
    guidance_end: FiniteFloat = Field(1.0, validation_alias=AliasChoices("guidance_end", "guidance"))
    control_mode: int | str = 0
    pixel_perfect: bool = False
    advanced_weighting: list[FiniteFloat] | None = None
    guess_mode: bool = Field(False, validation_alias=AliasChoices("guess_mode", "guessmode"))
    save_detected_map: bool = True


class Detect(Lenient):
    """Pictures of which condition images are made."""

    controlnet_module: str = Field("none", description="as /controlnet/module_list names them")
    controlnet_input_images: list[str] = Field(
        default_factory=list,
        validation_alias=AliasChoices("controlnet_input_images", "controlnet_images"),
        description="pictures as base64",
    )
    controlnet_processor_res: int = Field(-1, description="pixels of the result's short side; -1: the picture's own")
    controlnet_threshold_a: FiniteFloat = -1
    controlnet_threshold_b: FiniteFloat = -1


class PngInfo(BaseModel):
    """A picture whose parameters are asked for."""

    image: str = Field(description="a PNG as base64")


class PngInfoAnswer(BaseModel):
    """What is written in a picture."""

    info: str = Field(description="its request, to be read; empty where there is none")
    items: dict[str, str] = Field(description="every text in it by its name")
    parameters: dict[str, Any] = Field(description="always empty here: `info` has them")


class Detected(BaseModel):
    """Condition images."""

    images: list[str] = Field(description="PNGs as base64")
    info: str


class Answer(BaseModel):
    """Pictures as webui gives them."""

    images: list[str] = Field(description="PNGs as base64: the pictures, then the condition image of each unit")
    parameters: dict[str, Any] = Field(description="what was asked, without its pictures")
    info: str = Field(description="JSON: seeds, infotexts, and in `notes` what is not as webui does it")


class Progress(BaseModel):
    """How far this client's picture is."""

    progress: float = Field(description="0 to 1")
    eta_relative: float = Field(description="seconds that are left, about")
    state: dict[str, Any]
    current_image: str | None = None
    textinfo: str | None = None
