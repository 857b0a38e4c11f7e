"""`zeroconv serve` killed under load, with slow clients and with nonsense.

    python benchmarks/serve_attacks.py [--jobs 24] [--kills 3] [--malformed 1000] [--slow 60]

kill       clients ask until the server has accepted so many jobs, each again where no answer came, under the same
           Idempotency-Key; meanwhile the server is killed (SIGKILL) and started again.
           Printed: what became of every accepted job, and whether any picture was made twice (its file has changed).
slow       connections that send their body a byte at a time, and others that ask for pictures and never read; printed:
           how long others wait for /v1/models and for a picture meanwhile, against before.
malformed  requests of random bytes, cut JSON, wrong types, wrong pictures and wrong addresses; printed: how often each
           status came. 5xx, or a path or traceback in an answer, ends the program with an error.
"""

import argparse
import collections
import contextlib
import json
import random
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from serve_server import Server, asked

_SIGNS_OF_INSIDE = (b"Traceback", b'File "', b"site-packages", b"/src/zeroconv", b".py")


def killed(server: Server, count: int, kills: int) -> bool:
    """Whether every accepted job was done, and once."""
    accepted: list[str] = []
    lock, left = threading.Lock(), iter(range(count))

    def ask(name: str) -> None:
        for seed in left:
            while True:
                with contextlib.suppress(OSError):
                    status, job = server.submit(seed * 10, name, pictures=2, key=f"{seed}")
                    if status == 202:
                        with lock:
                            accepted.append(job["id"])
                        break
                time.sleep(0.2)

    threads = [threading.Thread(target=ask, args=(f"client-{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    before = len(pictures(server.data))
    seen: dict[str, float] = {}
    for _ in range(kills):
        time.sleep(random.uniform(1, 4))
        server.stop(signal.SIGKILL)
        seen |= pictures(server.data)
        server.start()
    for thread in threads:
        thread.join()
    ended = collections.Counter(server.wait(id, "bench")["status"] for id in accepted)
    now = pictures(server.data)
    twice = [file for file, stamp in seen.items() if now.get(file) != stamp]
    print(
        f"kill -9     {kills} times; accepted {len(accepted)}: {dict(ended)}; made twice or lost: {len(twice)} pictures"
    )
    return ended["done"] == len(accepted) == count and not twice and len(now) - before == 2 * count


def pictures(data: Path) -> dict[str, float]:
    """Every finished picture of every job, and when it was written."""
    return {str(file): file.stat().st_mtime for file in data.rglob("[0-9][0-9][0-9][0-9].png")}


def slow(server: Server, count: int) -> None:
    """Prints how long others wait while slow clients hold connections."""
    before = waits(server)
    sockets = [crawling(server.port) for _ in range(count // 2)] + [deaf(server) for _ in range(count // 2)]
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(1.0):
            for each in sockets[: count // 2]:
                with contextlib.suppress(OSError):
                    each.send(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    during = waits(server)
    stop.set()
    thread.join()
    for each in sockets:
        each.close()
    for name in before:
        print(f"slow        {name}: {before[name]:.2f} s before, {during[name]:.2f} s beside {count} slow clients")


def waits(server: Server) -> dict[str, float]:
    """How long a list and a picture take, in seconds."""
    began = time.perf_counter()
    assert server.ask("GET", "/v1/models", client="quick")[0] == 200
    listed = time.perf_counter()
    _, job = server.submit(1, "quick")
    server.wait(job["id"], "quick")
    return {"/v1/models": listed - began, "a picture": time.perf_counter() - listed}


def crawling(port: int) -> socket.socket:
    """A connection whose body never ends."""
    found = socket.create_connection(("127.0.0.1", port))
    found.send(_head("POST", "/v1/generate", port, b"Content-Type: application/json\r\nContent-Length: 100000\r\n"))
    return found


def deaf(server: Server) -> socket.socket:
    """A connection that asks for much and reads nothing."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect(("127.0.0.1", server.port))
    with contextlib.suppress(OSError):
        found.settimeout(1)
        found.sendall(_head("GET", "/openapi.json", server.port, b"") * 20)
    return found


def _head(method: str, path: str, port: int, more: bytes) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode() + more + b"\r\n"


def _closing(method: str, path: str, port: int, more: bytes = b"") -> bytes:
    return _head(method, path, port, b"Connection: close\r\n" + more)


def malformed(server: Server, count: int) -> bool:
    """Whether no answer was a 5xx or told of the inside."""
    statuses: collections.Counter[int] = collections.Counter()
    chance = random.Random(0)
    for _ in range(count):
        answer = raw(server.port, nonsense(chance, server.port))
        status = int(answer[9:12]) if answer[9:12].isdigit() else 0  # 0: closed without an answer
        statuses[status] += 1
        if status >= 500 or any(sign in answer for sign in _SIGNS_OF_INSIDE):
            print(f"malformed   {answer[:2000]!r}")
            return False
    print(f"malformed   {count} requests: {dict(sorted(statuses.items()))}")
    return server.ask("GET", "/v1/models")[0] == 200


def nonsense(chance: random.Random, port: int) -> bytes:
    """One request that is wrong somewhere."""
    path = chance.choice(
        ["/v1/generate", "/v1/annotate", "/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/controlnet/detect"]
    )
    whole = json.dumps(_spoilt(chance)).encode()
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 2000)) + b"\r\n\r\n"
    if kind == 1:
        return _closing(
            chance.choice(["GET", "PUT", "BREW"]), f"/v1/jobs/{chance.choice(['..', '%00', 'x' * 5000])}", port, b""
        )
    if kind == 2:
        whole = whole[: chance.randrange(len(whole))]
    if kind == 3:
        whole = chance.randbytes(200)
    length = len(whole) + (0 if chance.random() < 0.98 else chance.choice([-1, 10**12]))
    return _closing("POST", path, port, b"Content-Type: application/json\r\nContent-Length: %d\r\n" % length) + whole


def _spoilt(chance: random.Random) -> Any:
    """A request with some of its values replaced."""
    strange = [
        None,
        -1,
        10**30,
        1e308,
        float("nan"),
        "",
        "x" * 10_000,
        "../../etc/passwd",
        [],
        {},
        [[]] * 50,
        True,
        "\0",
    ]
    body = {**asked(1), "width": 64, "height": 64, "init_images": ["http://localhost/x.png"], "batch_size": 1}
    body["alwayson_scripts"] = {"controlnet": {"args": [{"module": "canny", "image": "file:///etc/passwd"}]}}
    for name in chance.sample(list(body), chance.randrange(1, 4)):
        body[name] = chance.choice(strange)
    control = asked(1)["controls"][0]
    control[chance.choice(["image", "condition", "strength", "options", "mask", "checkpoint"])] = chance.choice(strange)
    return {**body, "controls": [control]} if chance.random() < 0.5 else chance.choice([body, strange, "x"])


def raw(port: int, request: bytes) -> bytes:
    """The answer to bytes as they are; empty where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as found, contextlib.suppress(OSError):
        found.sendall(request)
        answer = b""
        while part := found.recv(65536):
            answer += part
        return answer
    return b""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=24)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--malformed", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", "--max-read-seconds", "3") as server:
        is_sound = malformed(server, arguments.malformed)
        slow(server, arguments.slow)
        is_sound = killed(server, arguments.jobs, arguments.kills) and is_sound
    raise SystemExit(0 if is_sound else "what was accepted was not done once, or an answer was wrong")


if __name__ == "__main__":
    main()
