"""LoRAs that a server offers: in the pictures of those who ask for them, in no others', and by their names alone."""

import base64
import io
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import ENDED, drawing

from whole_server import serving
from zeroconv.base.hashing import weights_hash
from zeroconv.cli import main
from zeroconv.errors import UserError
from zeroconv.generate import Request, generate
from zeroconv.request import Lora
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.jobs.worker import Worker
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
PLAIN = Request("a red house", steps=2, size=(64, 64))
BODY = {"prompt": "a red house", "steps": 2, "size": [64, 64]}


@pytest.fixture(scope="module")
def http(lora_models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server that offers both."""
    with (
        serving(lora_models, tmp_path_factory.mktemp("data")) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client


def loras(**strengths: float) -> list[dict[str, Any]]:
    return [{"file": name, "strength": strength} for name, strength in strengths.items()]


def ended(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    with http.stream("GET", job["links"]["events"]) as events:
        *_, last = (line for line in events.iter_lines() if line.startswith("data: "))
    found: dict[str, Any] = json.loads(last.removeprefix("data: "))["job"]
    assert found["status"] in ENDED
    return found


def picture(http: httpx.Client, job: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(http.get(job["links"]["pictures"][0]).content))


def expected(models: Models, files: dict[str, Path], **strengths: float) -> Image.Image:
    """What `zeroconv generate` makes of the files."""
    asked = replace(PLAIN, loras=tuple(Lora(files[name], strength) for name, strength in strengths.items()))
    return next(generate(models.base("tiny"), asked))


def difference(one: Image.Image, other: Image.Image) -> int:
    pixels = (np.asarray(image.convert("RGB"), dtype=np.int16) for image in (one, other))
    return int(np.abs(np.subtract(*pixels)).max())


def test_a_picture_with_a_lora_and_the_one_after_it(
    http: httpx.Client, lora_models: Models, lora_files: dict[str, Path]
) -> None:
    base = lora_models.base("tiny")
    before = weights_hash(base.unet, *base.text_encoders)
    assert http.get("/v1/models").json()["loras"] == [{"name": n, "bases": ["tiny"]} for n in ("style", "ink")]
    job = ended(http, http.post("/v1/generate", json={**BODY, "loras": loras(style=0.1)}).json())
    made = picture(http, job)
    assert job["status"] == "done" and job["request"]["loras"] == loras(style=0.1)
    assert difference(made, expected(lora_models, lora_files, style=0.1)) <= 1
    (written,) = json.loads(made.info["zeroconv"])["loras"]
    assert (written["file"], written["strength"], len(written["sha256"])) == ("style", 0.1, 64)
    again = ended(http, http.post("/v1/generate", json={**BODY, "loras": [written]}).json())
    assert difference(picture(http, again), made) == 0, "what a run.json says of them is a request"
    after = ended(http, http.post("/v1/generate", json=BODY).json())
    assert difference(picture(http, after), next(generate(base, PLAIN))) <= 1
    assert difference(picture(http, after), made) > 8
    assert weights_hash(base.unet, *base.text_encoders) == before


def test_those_who_wait_together_have_their_own(
    lora_models: Models, lora_files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, batches = threading.Event(), []
    make = Worker._make

    def noted(self: Worker, shares: Any) -> None:
        go.wait()
        batches.append(sorted(share.task.client for share in shares))
        make(self, shares)

    monkeypatch.setattr(Worker, "_make", noted)
    asked: list[dict[str, float]] = [{"style": 0.1}, {"ink": 0.1}, {}, {"style": 0.1}, {"style": 0.2}, {}]
    jobs = Jobs(Settings(tmp_path / "data"), lora_models)
    try:
        jobs.submit(replace(PLAIN, seeds=(9,), steps=1), base="tiny", client="first")  # held while the others gather
        ids = []
        for at, strengths in enumerate(asked):
            own = tuple(Lora(name, strength) for name, strength in strengths.items())
            ids.append(jobs.submit(replace(PLAIN, loras=own), base="tiny", client=str(at)).id)
        go.set()
        for id, strengths in zip(ids, asked, strict=True):
            *_, last = jobs.watch(id)
            assert last.job.status == "done"
            with Image.open(jobs.folder(id) / "0000.png") as made:
                assert difference(made, expected(lora_models, lora_files, **strengths)) <= 1
    finally:
        go.set()
        jobs.close()
    assert batches == [["first"], ["0", "3"], ["1"], ["2", "5"], ["4"]]


REFUSED = [
    (loras(stile=1.0), "no LoRA 'stile' is offered here; did you mean 'style'"),
    (loras(**{"/etc/passwd": 1.0}), "no LoRA 'passwd' is offered here; known"),
    (loras(**{"https://example.org/x.safetensors": 1.0}), "is offered here"),
    (loras(style=1.0) * 5, "5 loras are more than the 4"),
    ([{"file": "style", "strenth": 1.0}], "did you mean 'strength'"),
    ([{"file": "style", "strength": "much"}], "loras.0.strength"),
    ([{"file": ""}], "loras.0.file"),
    ([{"strength": 1.0}], "loras.0.file"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_what_is_not_offered_is_refused(http: httpx.Client, given: Any, sentence: str) -> None:
    answer = http.post("/v1/generate", json={**BODY, "loras": given})
    assert answer.status_code == 422 and sentence in answer.json()["error"]["message"]


def test_a_file_that_is_offered_cannot_be_named_by_its_path(http: httpx.Client, lora_files: dict[str, Path]) -> None:
    answer = http.post("/v1/generate", json={**BODY, "loras": loras(**{str(lora_files["style"]): 1.0})})
    assert answer.status_code == 422 and "secret-place" not in answer.text


def test_a_server_without_any(models: Models, tmp_path: Path) -> None:
    with serving(models, tmp_path / "data") as port:
        address = f"http://127.0.0.1:{port}"
        refused = httpx.post(f"{address}/v1/generate", json={**BODY, "loras": loras(style=1.0)})
        assert refused.status_code == 422 and "no LoRAs are offered here" in refused.text
        assert httpx.get(f"{address}/v1/models").json()["loras"] == []
        assert httpx.get(f"{address}/sdapi/v1/loras").json() == []


def test_the_web_uis_prompts_name_them(http: httpx.Client, lora_models: Models, lora_files: dict[str, Path]) -> None:
    named = {"name": "style", "alias": "style", "path": "style", "metadata": {}}
    assert http.get("/sdapi/v1/loras").json()[0] == named
    prompt = "a red <lora:style:0.1> house<lora:ink:.05>"
    asked = {"prompt": prompt, "seed": 0, "steps": 2, "width": 64, "height": 64, "cfg_scale": 4}
    answer = http.post("/sdapi/v1/txt2img", json=asked).json()
    assert "info" in answer, answer
    info = json.loads(answer["info"])
    made = Image.open(io.BytesIO(base64.b64decode(answer["images"][0])))
    assert difference(made, expected(lora_models, lora_files, style=0.1, ink=0.05)) <= 1
    assert info["prompt"] == prompt and info["notes"] == []
    record = http.get(f"/v1/jobs/{info['job']}").json()["request"]
    assert record["prompt"] == "a red house" and record["loras"] == loras(style=0.1, ink=0.05)
    unknown = http.post("/sdapi/v1/txt2img", json={**asked, "prompt": "<lora:styl:1>"})
    assert unknown.status_code == 422 and "did you mean 'style'" in unknown.json()["detail"]


def test_a_file_of_the_same_name_in_the_working_directory_is_another(
    lora_models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("style", "tiny", "tiny-canny"):
        Path(name).write_text("no model")
    monkeypatch.setattr(Worker, "_work", lambda self, shares: None)
    control = {"condition": "canny", "image": drawing(), "ready": True}
    jobs = Jobs(Settings(tmp_path / "data"), lora_models)
    from zeroconv.request import ControlRequest

    asked = replace(PLAIN, controls=(ControlRequest(control.pop("condition"), **control),), loras=(Lora("style", 0.1),))
    job = jobs.submit(asked, base="tiny", client="a")
    jobs.close()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert job.record["loras"] == loras(style=0.1)
    again = Jobs(Settings(tmp_path / "data"), lora_models)
    try:
        *_, last = again.watch(job.id)
        made = json.loads((again.folder(job.id) / "run.json").read_text())
    finally:
        again.close()
    assert last.job.status == "done", last.job.error
    assert made["base"]["name"] == "tiny" and made["controls"][0]["checkpoint"] == "tiny-canny"
    assert made["loras"][0]["file"] == "style" and made["loras"][0]["sha256"]


def test_a_file_that_is_gone_fails_its_job_alone(models: Models, lora_files: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("peft")
    file = Path(shutil.copy(lora_files["style"], tmp_path / "gone.safetensors"))
    jobs = Jobs(Settings(tmp_path / "data"), Models(loras={"style": str(file)}))
    try:
        file.unlink()
        *_, last = jobs.watch(jobs.submit(replace(PLAIN, loras=(Lora("style"),)), base="tiny", client="a").id)
        assert last.job.status == "failed" and last.job.error == "no LoRA file style"
        *_, last = jobs.watch(jobs.submit(PLAIN, base="tiny", client="a").id)
        assert last.job.status == "done"
    finally:
        jobs.close()


def test_what_is_no_lora_is_told_at_the_start(tmp_path: Path, sdxl_folder: Path, lora_files: dict[str, Path]) -> None:
    pytest.importorskip("peft")
    with pytest.raises(UserError, match=r"no LoRA file .*none\.safetensors"):
        Models(loras={"x": str(tmp_path / "none.safetensors")})
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(UserError, match=r"not a readable \.safetensors"):
        Models(loras={"x": str(tmp_path / "text.safetensors")})
    with pytest.raises(UserError, match="is no name"):
        Models(loras={"a b": str(lora_files["style"])})
    with pytest.raises(UserError, match="does not fit the base big"):
        Models({"big": str(sdxl_folder)}, loras={"x": str(lora_files["style"])})
    both = Models({"big": str(sdxl_folder), "tiny": "tiny"}, loras={"x": str(lora_files["style"])})
    assert both.loras()["x"].bases == ("tiny",)
    with pytest.raises(UserError, match="the LoRA x does not fit the base big; it is for tiny"):
        both.check_lora("x", "big")


def test_the_command_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("peft")
    place = tmp_path / "none.safetensors"
    assert main(["serve", "--port", "0", "--data", str(tmp_path / "data"), "--lora", f"x={place}"]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"zeroconv: error: no LoRA file {place}" and "Traceback" not in said


def test_one_copy_of_a_base_is_kept(lora_models: Models) -> None:
    base, style = lora_models.base("tiny"), (Lora("style", 0.1),)
    merged = lora_models.merged(base, style)
    assert lora_models.merged(base, style) is merged and merged is not base
    other = lora_models.merged(base, (Lora("style", 0.2),))
    assert other is not merged and lora_models.merged(base, style) is not merged
    assert lora_models.merged(base, ()) is base
