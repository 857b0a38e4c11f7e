"""A job that has ended -> the answer that webui's clients read: pictures, and `info` as JSON in a text."""

import base64
import json
import time
from pathlib import Path
from typing import Any

from zeroconv.images import read_metadata
from zeroconv.serve.jobs import Job
from zeroconv.serve.webui.samplers import sampler_name
from zeroconv.serve.webui.schema import Answer, Img2Img, Txt2Img
from zeroconv.serve.webui.translation import Order

_SENT = ("init_images", "mask", "alwayson_scripts")


def answer(asked: Txt2Img, order: Order, job: Job, folder: Path) -> Answer:
    """The job's pictures in the order of their seeds, then the condition images that are wanted.

    folder: where the job's files lie.
    """
    pictures = [folder / name for name in job.pictures]
    shown = _condition_images(folder, order.shown) if pictures else []
    files = [*pictures, *(folder / name for name in shown)] if asked.send_images else []
    return Answer(
        images=[encoded(path.read_bytes()) for path in files],
        parameters=_parameters(asked),
        info=json.dumps(_info(asked, order, job, pictures)),
    )


def encoded(file: bytes) -> str:
    """A picture's file as clients expect it in JSON."""
    return base64.b64encode(file).decode()


def _condition_images(folder: Path, shown: tuple[bool, ...]) -> list[str]:
    """The file names of the condition images of the controls whose unit wants them."""
    made = json.loads((folder / "run.json").read_text("utf-8"))["controls"]
    return [control["condition_image"] for control, is_shown in zip(made, shown, strict=True) if is_shown]


def _parameters(asked: Txt2Img) -> dict[str, Any]:
    """What was asked, by the names we know; its pictures only where the client wants them back."""
    hidden = () if isinstance(asked, Img2Img) and asked.include_init_images else _SENT
    return {name: None if name in hidden else getattr(asked, name) for name in type(asked).model_fields}


def _info(asked: Txt2Img, order: Order, job: Job, pictures: list[Path]) -> dict[str, Any]:
    """webui's fields, then ours: the job's id, and what is not as webui does it."""
    request, record = order.request, job.record
    width, height = record["size"]
    seeds, count = list(request.seeds), len(request.seeds)
    stopped = (
        [] if job.status == "done" else [f"the job was {job.status}: {len(pictures)} of {count} pictures are here"]
    )
    return {
        "prompt": asked.prompt,
        "all_prompts": [asked.prompt] * count,
        "negative_prompt": request.negative,
        "all_negative_prompts": [request.negative] * count,
        "seed": seeds[0],
        "all_seeds": seeds,
        "subseed": seeds[0],
        "all_subseeds": seeds,
        "subseed_strength": 0,
        "width": width,
        "height": height,
        "sampler_name": order.sampler or sampler_name(str(record["scheduler"])),
        "cfg_scale": record["guidance"],
        "steps": request.steps,
        "batch_size": count,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": order.base,
        "sd_model_hash": None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": request.denoise,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [read_metadata(path).get("parameters", "") for path in pictures],
        "styles": [],
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.gmtime(job.created)),
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "job": job.id,
        "notes": [*order.notes, *job.notes, *stopped],
    }
