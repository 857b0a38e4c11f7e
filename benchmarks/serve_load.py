"""`zeroconv serve` under load: eight clients at once against one after the other.

    python benchmarks/serve_load.py [--minutes 10] [--clients 8] [--sequential 20]

Every client asks for one controlled picture of the embedded base after the other; one of them, the greedy one, keeps
many waiting. Printed: pictures a minute against `generate` in a loop in one process on the same machine (which has no
server beside it), seconds from asking to done (half and 95 % of the modest clients' requests), what the greedy one got
against the others, how often the answer was 429, and the server's memory over time with its trend. Times hold for a
machine that does nothing else.
"""

import argparse
import statistics
import tempfile
import threading
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from serve_server import STEPS, Server, asked, picture

from zeroconv import ControlRequest, Request, generate, load_base

_GREEDY = "greedy"


class Tally:
    """What the clients have counted. Thread-safe."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pictures: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.memory: list[tuple[float, int]] = []


def modest(server: Server, name: str, tally: Tally, until: float) -> None:
    """One picture after the other."""
    seed = zlib.crc32(name.encode()) % 10_000
    while time.monotonic() < until:
        began, seed = time.monotonic(), seed + 1
        status, job = server.submit(seed, name)
        if status == 429:
            tally.refused[name] += 1
            time.sleep(1)
            continue
        assert status == 202, (status, job)
        ended = server.wait(job["id"], name)
        assert ended["status"] == "done", ended
        with tally.lock:
            if time.monotonic() < until:
                tally.pictures[name] += 1
                tally.seconds.append(time.monotonic() - began)


def greedy(server: Server, tally: Tally, until: float) -> None:
    """As many as the server takes, four pictures each."""
    waiting: list[str] = []
    seed = 0
    while time.monotonic() < until:
        seed += 10
        status, job = server.submit(seed, _GREEDY, pictures=4)
        if status == 429:
            tally.refused[_GREEDY] += 1
            time.sleep(0.5)
        else:
            waiting.append(job["id"])
        while waiting and server.ask("GET", f"/v1/jobs/{waiting[0]}", client=_GREEDY)[1]["status"] == "done":
            waiting.pop(0)
            tally.pictures[_GREEDY] += 4


def sequential(count: int) -> float:
    """Pictures a minute of `generate`, one after the other."""
    base, controls = load_base("tiny"), (ControlRequest("canny", picture()),)
    began = 0.0
    for seed in range(count + 1):
        if seed == 1:  # the first loads the ControlNet
            began = time.perf_counter()
        fields = asked(seed)
        list(generate(base, Request(fields["prompt"], controls, steps=STEPS, seeds=(seed,), size=(128, 128))))
    return count / (time.perf_counter() - began) * 60


def under_load(server: Server, clients: int, seconds: float) -> Tally:
    """All clients for so long."""
    tally, until = Tally(), time.monotonic() + seconds
    names = [f"client-{index}" for index in range(clients - 1)]
    threads = [threading.Thread(target=modest, args=(server, name, tally, until)) for name in names]
    threads.append(threading.Thread(target=greedy, args=(server, tally, until)))
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        tally.memory.append((time.monotonic() - began, server.resident))
        time.sleep(min(5.0, seconds / 20))
    for thread in threads:
        thread.join()
    return tally


def report(tally: Tally, seconds: float, alone: float) -> None:
    """Prints what was measured."""
    total = sum(tally.pictures.values())
    rate = total / seconds * 60
    print(f"throughput  {rate:.1f} pictures/min, {alone:.1f} one after the other: {rate / alone:.2f} times")
    middle, late = np.percentile(tally.seconds, [50, 95])
    print(f"latency     half within {middle:.2f} s, 95 % within {late:.2f} s ({len(tally.seconds)} requests)")
    others = [count for name, count in tally.pictures.items() if name != _GREEDY]
    print(f"fairness    greedy {tally.pictures[_GREEDY]} pictures, the others {min(others)} to {max(others)}")
    refused = sum(count for name, count in tally.refused.items() if name != _GREEDY)
    print(f"429         greedy {tally.refused[_GREEDY]}, the others {refused}")
    later = tally.memory[len(tally.memory) // 4 :]
    times, sizes = zip(*later, strict=True)
    slope = np.polyfit(times, np.asarray(sizes) / 1e6, 1)[0] * 60
    first, last = (statistics.median(size for _, size in part) / 1e6 for part in (later[:5], later[-5:]))
    print(f"memory      {first:.0f} MB after a quarter of the time, {last:.0f} MB at its end, {slope:+.2f} MB a minute")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--sequential", type=int, default=20, help="pictures of the comparison")
    arguments = parser.parse_args()
    alone = sequential(arguments.sequential)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server:
        tally = under_load(server, arguments.clients, arguments.minutes * 60)
    report(tally, arguments.minutes * 60, alone)


if __name__ == "__main__":
    main()
