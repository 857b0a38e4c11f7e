"""What never reaches the application: strangers, foreign pages, bodies without end, clients that take their time."""

import base64
import contextlib
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import Served, base64_of, body, drawing

from zeroconv.serve.api import make_app
from zeroconv.serve.jobs import Jobs, QueueFull
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
SECRET = "a-secret-of-some-length"
MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_client(make_jobs: Callable[..., Jobs], models: Models, tmp_path: Path) -> MakeClient:
    """The application with these settings, called by this name from this machine."""

    jobs = make_jobs()

    def make(called: str = "127.0.0.1", **settings: Any) -> TestClient:
        app = make_app(replace(Settings(tmp_path / "data"), **settings), models, jobs)
        return TestClient(app, base_url=f"http://{called}:7860", client=("10.0.0.7", 5))

    return make


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_by_its_names(make_client: MakeClient, host: str) -> None:
    assert make_client(host).get("/v1/models").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.1.1", "", "[", "user@127.0.0.1@x"])
def test_a_foreign_name_that_leads_here_is_refused(make_client: MakeClient, host: str) -> None:
    answer = make_client().get("/v1/models", headers={"Host": host})
    assert answer.status_code == 421 and answer.json()["error"]["code"] == "wrong_host"


def test_names_that_were_allowed(make_client: MakeClient) -> None:
    client = make_client("pictures.example", host="0.0.0.0", tokens={SECRET: "a"}, hosts=("pictures.example",))
    bearer = {"Authorization": f"Bearer {SECRET}"}
    assert client.get("/v1/models", headers=bearer).status_code == 200
    assert client.get("/v1/models", headers={**bearer, "Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:7860"}, 404),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({}, 404),
    ],
)
def test_another_sites_page_changes_nothing(make_client: MakeClient, headers: dict[str, str], status: int) -> None:
    for method, place in (("POST", "/v1/jobs/nothing/cancel"), ("DELETE", "/v1/jobs/nothing")):
        assert make_client().request(method, place, headers=headers).status_code == status


def test_no_other_site_may_read(make_client: MakeClient) -> None:
    asks = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = make_client().request(method, "/v1/models", headers=asks)
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong-secret-here"}, 401),
        ({"Authorization": f"Bearer {SECRET}x"}, 401),
        ({"Authorization": f"Bearer {SECRET[:-1]}"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Digest {SECRET}"}, 401),
        ({"Authorization": "Basic !!"}, 401),
        ({"Cookie": f"zeroconv={SECRET}"}, 401),
        ({"Authorization": f"Bearer {SECRET}"}, 200),
        ({"Authorization": "Basic YW55Ym9keTphLXNlY3JldC1vZi1zb21lLWxlbmd0aA=="}, 200),
    ],
)
def test_the_token(make_client: MakeClient, headers: dict[str, str], status: int) -> None:
    client = make_client(tokens={SECRET: "a"})
    for place in ("/v1/models", "/openapi.json", "/v1/jobs"):
        answer = client.get(place, headers=headers)
        assert answer.status_code == status
        assert status == 200 or answer.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/nothing", headers=headers).status_code == (401 if status == 401 else 404)


def test_the_pages_cookie(make_client: MakeClient) -> None:
    client = make_client(tokens={SECRET: "a"})
    browser = {"Accept": "text/html"}
    assert client.get("/", headers=browser, follow_redirects=False).headers["refresh"] == "0; url=/login"
    assert 'type="password"' in client.get("/login").text
    wrong = client.post("/login", data={"token": "wrong"}, follow_redirects=False)
    assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
    right = client.post("/login", data={"token": SECRET}, follow_redirects=False)
    assert right.status_code == 303
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and SECRET not in cookie
    assert client.get("/v1/models").status_code == 200
    assert client.post("/v1/jobs/x/cancel", headers={"Origin": "http://evil.example"}).status_code == 403
    fresh = make_client(tokens={SECRET: "a"})
    assert fresh.get(f"/login?token={SECRET}", follow_redirects=False).status_code == 303


def test_turns_go_by_token_and_address(make_client: MakeClient) -> None:
    client = make_client(tokens={SECRET: "one", f"{SECRET}2": "two"})
    for token, name in ((SECRET, "one"), (f"{SECRET}2", "two")):
        headers = {"Authorization": f"Bearer {token}", "X-Client": "somebody-else"}
        assert client.post("/v1/generate", json=body(steps=1), headers=headers).status_code == 202
        assert len(client.get("/v1/jobs", headers=headers).json()["jobs"]) == 1, f"{name} sees its own"


def test_a_full_queue_is_429_with_a_time(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()

    def full(*_: Any, **__: Any) -> None:
        raise QueueFull(12.3, "the queue is full; come again later")

    monkeypatch.setattr(Jobs, "submit", full)
    answer = client.post("/v1/generate", json=body())
    assert answer.status_code == 429 and answer.headers["retry-after"] == "13"
    assert answer.json() == {"error": {"code": "queue_full", "message": "the queue is full; come again later"}}


def test_our_own_fault_says_nothing_of_it(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("/secret/place")

    monkeypatch.setattr(Jobs, "submit", broken)
    quiet = TestClient(client.app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False)
    answer = quiet.post("/v1/generate", json=body())
    assert answer.status_code == 500 and "secret" not in answer.text
    assert answer.json()["error"]["code"] == "internal"


def raw(served: Served, data: bytes) -> socket.socket:
    host, port = served.url.removeprefix("http://").rstrip("/").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(data)
    return connection


def received(connection: socket.socket) -> bytes:
    data = b""
    with connection:
        while piece := connection.recv(65536):
            data += piece
    return data


HEAD = b"POST /v1/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("count", [2_000_001, 10**18])
def test_a_body_that_says_it_is_too_large(served: Served, count: int) -> None:
    answer = received(raw(served, HEAD + b"Content-Length: %d\r\n\r\n" % count))
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"too_large"' in answer


def test_a_body_that_grows_too_large(served: Served) -> None:
    connection = raw(served, HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n%s\r\n" % (1 << 16, b"x" * (1 << 16))
    with contextlib.suppress(OSError):  # the server hangs up
        for _ in range(40):
            connection.sendall(chunk)
    with contextlib.suppress(ConnectionResetError):  # it hung up on what was still under way
        assert received(connection).startswith(b"HTTP/1.1 413 ")
    assert served.http.get("/v1/models").status_code == 200


def test_many_large_bodies_at_once(served: Served) -> None:
    declared = HEAD + b"Content-Length: 1900000\r\n\r\n"
    held = [raw(served, declared + b"{" * 1_800_000) for _ in range(5)]
    answers = []
    for connection in held:
        with contextlib.suppress(ConnectionResetError):
            answers.append(received(connection).split(b" ", 2)[1])
    assert b"429" in answers or len(answers) < 5
    assert served.http.get("/v1/models").status_code == 200


@pytest.mark.parametrize("begun", [b"", b"GET /v1/models HTT", HEAD], ids=["nothing", "a line", "headers"])
def test_a_head_that_does_not_come(served: Served, begun: bytes) -> None:
    began = time.monotonic()
    assert received(raw(served, begun)) == b""
    assert 1 < time.monotonic() - began < 15


def test_a_body_that_does_not_come(served: Served) -> None:
    began = time.monotonic()
    answer = received(raw(served, HEAD + b"Content-Length: 100\r\n\r\n{"))
    assert answer.startswith(b"HTTP/1.1 408 ") and b"within 2 s" in answer
    assert time.monotonic() - began < 15


def test_slow_clients_do_not_hinder_others(served: Served) -> None:
    slow = [raw(served, HEAD + b"Content-Length: 100\r\n\r\n{") for _ in range(40)]
    began = time.monotonic()
    assert served.http.get("/v1/models").status_code == 200
    assert time.monotonic() - began < 1.5
    for connection in slow:
        connection.close()


def test_more_connections_than_granted(served: Served) -> None:
    many = [raw(served, b"") for _ in range(140)]
    answers = []
    for connection in many[-5:]:
        connection.settimeout(10)
        answers.append(connection.recv(1000))
    assert all(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer for answer in answers)
    for connection in many:
        connection.close()
    time.sleep(0.5)
    assert served.http.get("/v1/models").status_code == 200


def test_garbage(served: Served) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G" * 100_000,
        HEAD + b"Content-Length: x\r\n\r\n",
    ):
        answer = received(raw(served, data))
        head, _, sent = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 4") and b"content-type: application/json" in head.lower(), answer
        assert json.loads(sent)["error"]["code"] in ("bad_request", "wrong_host")


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(30_000, 30_000), (1001, 1000), (2**31 - 1, 1)])
def test_pictures_that_would_unpack_to_gigabytes(served: Served, size: tuple[int, int]) -> None:
    asked = {"condition": "canny", "image": base64.b64encode(bomb(*size)).decode()}
    began = time.monotonic()
    answer = served.http.post("/v1/annotate", json=asked)
    assert answer.status_code == 422 and answer.json()["error"]["field"] == "image", answer.text
    assert "more than the 1,000,000 that are granted here" in answer.json()["error"]["message"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "data",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", b"<svg/>", b"", b"\x89PNG\r\n\x1a\n", b"GIF89a"],
)
def test_files_that_are_no_pictures(served: Served, data: bytes) -> None:
    answer = served.http.post("/v1/annotate", json={"condition": "canny", "image": base64.b64encode(data).decode()})
    assert answer.status_code == 422 and "not a picture" in answer.json()["error"]["message"]


def test_pictures_cut_short(served: Served) -> None:
    cut = base64_of(drawing())[:120]
    answer = served.http.post("/v1/generate", json=body(image=cut))
    assert answer.status_code == 422
