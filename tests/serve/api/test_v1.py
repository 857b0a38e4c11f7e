"""The API of a real server: a picture by HTTP, its progress, its errors, and its document."""

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import Served, base64_of, body, drawing

from zeroconv.generate import ControlRequest, Request, generate
from zeroconv.serve.models import Models


def picture(served: Served, link: str) -> Image.Image:
    answer = served.http.get(link)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def test_a_controlled_picture(served: Served, models: Models) -> None:
    accepted = served.submit(body(seeds=[7, 8]))
    assert accepted["status"] in ("queued", "running") and len(accepted["id"]) == 22
    job = served.ended(accepted["id"])
    assert job["status"] == "done" and len(job["links"]["pictures"]) == 2
    asked = Request("a red house", (ControlRequest("canny", drawing(), ready=True),), steps=2, size=(64, 64))
    expected = list(generate(models.base("tiny"), Request(**{**vars(asked), "seeds": (7, 8)})))
    for link, image in zip(job["links"]["pictures"], expected, strict=True):
        made = picture(served, link)
        assert np.abs(np.subtract(np.asarray(made, np.int16), np.asarray(image, np.int16))).max() <= 1
        request = json.loads(made.info["zeroconv"])
        assert request["prompt"] == "a red house" and request["base"]["name"] == "tiny"
    condition = picture(served, job["links"]["conditions"][0])
    assert np.array_equal(np.asarray(condition), np.asarray(drawing()))
    assert job["request"]["controls"][0]["checkpoint"] == "tiny-canny"


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_pictures_as_base64(served: Served, prefix: str) -> None:
    control = {"condition": "canny", "image": prefix + base64_of(drawing()), "options": {"low": 50}}
    job = served.submit(body(controls=[control]))
    assert job["request"]["controls"][0]["options"] == {"low": 50, "high": 200}


def test_pictures_as_parts_of_a_form(served: Served) -> None:
    control = {"condition": "canny", "image": "edges", "mask": "where", "ready": True}
    file = base64.b64decode(base64_of(drawing(), "JPEG"))
    files = {"edges": ("x.jpg", file), "where": ("../../y.png", base64.b64decode(base64_of(drawing(4))))}
    answer = served.http.post("/v1/generate", data={"request": json.dumps(body(controls=[control]))}, files=files)
    assert answer.status_code == 202, answer.text
    assert served.ended(answer.json()["id"])["status"] == "done"


def test_what_was_decided_is_in_the_job(served: Served) -> None:
    job = served.submit(body(size=[70, 64]))
    assert job["notes"] == ["the size 70x64 was rounded to 64x64: this base needs multiples of 32"]
    (found,) = (each for each in served.http.get("/v1/jobs").json()["jobs"] if each["id"] == job["id"])
    assert found["notes"] == job["notes"]
    assert served.submit(body())["notes"] == []


def test_a_run_json_is_a_request(served: Served) -> None:
    job = served.ended(served.submit(body())["id"])
    made = json.loads(picture(served, job["links"]["pictures"][0]).info["zeroconv"])
    made["controls"][0]["image"] = base64_of(drawing())
    again = served.ended(served.submit(made)["id"])
    one, other = (picture(served, each["links"]["pictures"][0]) for each in (job, again))
    assert np.abs(np.subtract(np.asarray(one, np.int16), np.asarray(other, np.int16))).max() <= 1


def test_events_tell_progress_until_the_end(served: Served) -> None:
    id = served.submit(body(steps=6))["id"]
    with served.http.stream("GET", f"/v1/jobs/{id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert events[-1]["job"]["status"] == "done" and events[-1]["job"]["steps_done"] == 6
    assert any(event["preview"] and event["preview"].startswith("data:image/jpeg") for event in events)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_cancelling(served: Served, method: str) -> None:
    job = served.submit(body(steps=150))
    link = job["links"]["cancel"] if method == "POST" else job["links"]["self"]
    answer = served.http.request(method, link)
    assert answer.status_code == 200 and answer.json()["status"] == "cancelled"
    assert served.ended(job["id"])["links"]["pictures"] == []


def test_a_retried_request_is_one_job(served: Served) -> None:
    first = served.submit(body(), **{"Idempotency-Key": "once", "X-Client": "key"})
    assert served.submit(body(), **{"Idempotency-Key": "once", "X-Client": "key"})["id"] == first["id"]
    own = served.http.get("/v1/jobs", headers={"X-Client": "key"}).json()
    assert [job["id"] for job in own["jobs"]] == [first["id"]] and own["before"] is None


def test_history_by_pages(served: Served) -> None:
    headers = {"X-Client": "pages"}
    ids = [served.submit(body(steps=1), **headers)["id"] for _ in range(3)]
    first = served.http.get("/v1/jobs?limit=2", headers=headers).json()
    second = served.http.get(f"/v1/jobs?limit=2&before={first['before']}", headers=headers).json()
    assert [job["id"] for page in (first, second) for job in page["jobs"]] == ids[::-1]


def test_annotating(served: Served) -> None:
    asked = {"condition": "canny", "image": base64_of(drawing()), "options": {"low": 50, "high": 100}}
    answer = served.http.post("/v1/annotate", json=asked).json()
    image = Image.open(io.BytesIO(base64.b64decode(answer["image"].partition(",")[2])))
    assert answer["condition"] == "canny" and answer["size"] == [64, 64] == list(image.size) and answer["doubts"] == []
    as_file = served.http.post("/v1/annotate", json=asked, headers={"Accept": "image/png"})
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(as_file.content))), np.asarray(image))
    scenes = {"condition": "depth", "image": asked["image"], "checkpoint": "tiny-depth"}
    assert served.http.post("/v1/annotate", json=scenes).status_code == 200
    wide = {"condition": "blur", "image": base64_of(Image.new("RGB", (1, 300)))}
    assert served.http.post("/v1/annotate", json=wide).json()["doubts"]


def test_models(served: Served) -> None:
    found = served.http.get("/v1/models").json()
    assert found["bases"][0]["name"] == "tiny" and found["limits"]["steps"] == 150
    assert {"tiny-canny", "tiny-pose"} <= {each["name"] for each in found["controlnets"]}
    canny = next(each for each in found["conditions"] if each["name"] == "canny")
    assert canny["options"] == {"low": 100, "high": 200} and canny["is_extractable"]


EDGES = {"condition": "canny", "image": base64_of(drawing())}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": 3}, "prompt", "valid string"),
    ({"prompt": "\ud800"}, "prompt", "characters that are none"),
    ({"prompt": "a\0b"}, "prompt", "characters that are none"),
    ({"stepps": 3}, "stepps", "did you mean 'steps'"),
    ({"steps": 0}, "steps", "greater than or equal to 1"),
    ({"steps": 151}, "", "151 steps are more than the 150"),
    ({"steps": 10**400}, "steps", ""),
    ({"guidance": 1e9}, "guidance", ""),
    ({"size": [64]}, "size", ""),
    ({"size": [8192, 8192]}, "", "pixels that are granted"),
    ({"scheduler": "unipcc"}, "", "did you mean 'unipc'"),
    ({"seeds": []}, "seeds", ""),
    ({"base": "/etc"}, "", "is offered here"),
    ({"base": {"name": "tny"}}, "", "did you mean 'tiny'"),
    ({"loras": [{"file": "x.safetensors"}]}, "", "no LoRAs are offered here"),
    ({"loras": [{"path": "x"}]}, "loras.0.file", ""),
    ({"image": "/etc/passwd"}, "image", "a path or an address is not opened"),
    ({"image": "http://127.0.0.1/x.png"}, "image", "a path or an address is not opened"),
    ({"image": "file:///etc/passwd"}, "image", "a path or an address is not opened"),
    ({"image": "aGVsbG8="}, "image", "is not a picture"),
    ({"image": "data:text/plain,hello"}, "image", "a path or an address is not opened"),
    ({"mask": base64_of(drawing())}, "", "a mask has no effect without an image"),
    ({"controls": [{**EDGES, "condition": "cany"}]}, "", "did you mean 'canny'"),
    ({"controls": [{**EDGES, "image": "../../../etc/passwd"}]}, "controls.0.image", "not opened"),
    ({"controls": [{**EDGES, "checkpoint": "../../x"}]}, "", "is offered here"),
    ({"controls": [{**EDGES, "options": {"lo": 3}}]}, "", "did you mean 'low'"),
    ({"controls": [{**EDGES, "strenght": 3}]}, "controls.0.strenght", "did you mean 'strength'"),
    ({"controls": [{**EDGES, "condition": "pose", "options": {"keypoints": "/etc/passwd"}}]}, "", "server's to choose"),
    ({"controls": [{**EDGES, "condition": "pose", "options": {"detector": "a/b"}}]}, "", "server's to choose"),
    ({"controls": [{**EDGES, "condition": "inpaint", "options": {"mask": "/etc/passwd"}}]}, "", "server's to choose"),
    ({"controls": [{**EDGES, "condition": "hed", "options": {"weights": "/x"}}]}, "", "server's to choose"),
    ({"controls": [EDGES] * 5}, "controls", "more than the 4"),
]


@pytest.mark.parametrize(("changes", "field", "sentence"), WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_mistakes(served: Served, changes: dict[str, Any], field: str, sentence: str) -> None:
    text = json.dumps({"prompt": "x", "steps": 1, **changes})
    answer = served.http.post("/v1/generate", content=text, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.json()["error"]
    assert set(error) <= {"code", "message", "field"} and sentence in error["message"]
    assert error.get("field", "") == field or not field
    assert "Traceback" not in answer.text and "/work" not in answer.text and "site-packages" not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"x", "multipart/form-data; boundary=y", 400),
        (b"x", "multipart/form-data", 400),
        (b"--y\r\n\r\n", "multipart/form-data; boundary=y", 400),
    ],
)
def test_bodies_that_are_none(served: Served, content: bytes, kind: str, status: int) -> None:
    for place in ("/v1/generate", "/v1/annotate"):
        answer = served.http.post(place, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status and set(answer.json()) == {"error"}, answer.text


@pytest.mark.parametrize(
    "place",
    [
        "/v1/jobs/nothing",
        "/v1/jobs/nothing/events",
        "/v1/jobs/nothing/pictures/0",
        "/v1/jobs/nothing/conditions/0",
        "/v1/jobs/..%2f..%2fetc%2fpasswd",
        "/v1/jobs/x/pictures/..%2f..%2frun.json",
        "/v1/nothing",
    ],
)
def test_what_is_not_there(served: Served, place: str) -> None:
    answer = served.http.get(place)
    assert answer.status_code in (404, 422) and set(answer.json()) == {"error"}


def test_pictures_that_are_not_there(served: Served) -> None:
    id = served.ended(served.submit(body())["id"])["id"]
    for place in ("pictures/1", "pictures/9999", "conditions/1"):
        assert served.http.get(f"/v1/jobs/{id}/{place}").status_code == 404
    assert served.http.get(f"/v1/jobs/{id}/pictures/-1").status_code == 422
    assert served.http.get(f"/v1/jobs/{id}/pictures/0.png").status_code == 422


def test_the_document_has_examples_that_work(served: Served) -> None:
    document = served.http.get("/openapi.json").json()
    for place in ("/v1/generate", "/v1/annotate"):
        content = document["paths"][place]["post"]["requestBody"]["content"]
        assert "multipart/form-data" in content
        for example in content["application/json"]["examples"].values():
            answer = served.http.post(
                place, json={**example["value"], **({"steps": 1} if "prompt" in example["value"] else {})}
            )
            assert answer.status_code in (200, 202), answer.text
    for place, methods in document["paths"].items():
        assert place.startswith(("/v1/", "/sdapi/v1/", "/controlnet/"))
        for about in methods.values():
            assert about["description"] and "401" in about["responses"]


def test_it_says_nothing_of_what_it_runs_on(served: Served) -> None:
    answer = served.http.get("/v1/models")
    assert "server" not in answer.headers and answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in served.http.get("/v1/models", headers={"Origin": "http://a.b"}).headers
    assert httpx.get(f"{served.url}docs").status_code == 404
