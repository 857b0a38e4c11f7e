"""The study's server: whole lines from many raters at once, kept when it is killed, nothing bad taken."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from studies import METHODS, ranked_lines, ranking_study, write_lines, written

from zeroconv.evaluation.study.answers import read_answers
from zeroconv.evaluation.study.key import Key
from zeroconv.evaluation.study.page import page, served
from zeroconv.evaluation.study.server import LARGEST, AnswerFile, StudyServer


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return ranking_study(tmp_path / "made").key


@pytest.fixture
def server(tmp_path: Path, key: Key) -> Iterator[StudyServer]:
    text = served(page({"title": "A study", "images": {}}))
    with StudyServer(("127.0.0.1", 0), text, AnswerFile(tmp_path / "answers.jsonl", key)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(url: str, body: bytes | None = None, kind: str = "application/jsonl") -> tuple[int, str]:
    request = urllib.request.Request(url, body, {"Content-Type": kind} if body is not None else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def body_of(*lines: object) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_it_serves_the_page_and_no_other_file(server: StudyServer) -> None:
    status, text = ask(server.url)
    assert status == 200 and 'data-served="yes"' in text and "A study" in text
    assert server.url.startswith("http://localhost:")
    for path in ("key.json", "answers.jsonl", "../key.json", "%2e%2e/key.json"):
        assert ask(server.url + path)[0] == 404


def test_many_raters_at_once_lose_no_line(server: StudyServer, key: Key, tmp_path: Path) -> None:
    lines = [line for rater in range(1, 13) for line in ranked_lines(key, str(rater), lambda *_: METHODS)]
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda line: ask(server.url + "answers", body_of(line)), lines))
    assert set(replies) == {(200, "1 written\n")}
    answers = read_answers([tmp_path / "answers.jsonl"], key)
    assert len(answers.counted) == 96 == server.answers.count and answers.remarks == ()


def test_bad_input_is_refused_whole(server: StudyServer, key: Key, tmp_path: Path) -> None:
    good = ranked_lines(key, "1", lambda *_: METHODS)[0]
    tied = {**good, "answer": dict.fromkeys(good["answer"], 1)}
    status, sentence = ask(server.url + "answers", body_of(good, tied))
    assert status == 400 and "expected ranks that differ" in sentence
    assert ask(server.url + "answers", b"{cut\n")[0] == 400
    assert ask(server.url + "answers", b"\xff\xfe\n")[0] == 400
    assert ask(server.url + "answers", body_of(good), "text/plain")[0] == 415
    assert ask(server.url + "elsewhere", body_of(good))[0] == 404
    assert not (tmp_path / "answers.jsonl").exists()


def test_what_is_too_long_or_has_no_length_is_refused_unread(server: StudyServer) -> None:
    for header, expected in (
        (f"Content-Length: {LARGEST + 1}", b"413"),
        ("X: y", b"411"),
        ("Content-Length: -5", b"411"),
    ):
        with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=30) as line:
            line.sendall(f"POST /answers HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
            assert line.makefile("rb").readline().split()[1] == expected


def test_every_rater_gets_another_number_also_after_a_restart(server: StudyServer, key: Key, tmp_path: Path) -> None:
    assert [ask(server.url + "rater", b"")[1].strip() for _ in range(3)] == ["1", "2", "3"]
    file = write_lines(tmp_path / "old.jsonl", ranked_lines(key, "7", lambda *_: METHODS)[:2])
    again = AnswerFile(file, key)
    assert (again.count, again.next_number()) == (2, 8)


def test_a_line_that_was_cut_spoils_no_other(key: Key, tmp_path: Path) -> None:
    lines = ranked_lines(key, "1", lambda *_: METHODS)
    file = write_lines(tmp_path / "a.jsonl", lines[:2])
    file.write_bytes(file.read_bytes()[:-20])
    AnswerFile(file, key).append(body_of(*lines[1:]))
    answers = read_answers([file], key)
    assert len(answers.counted) == 8 and len(answers.remarks) == 1 and "line 2 does not count" in answers.remarks[0]


def test_a_disk_that_fills_up_in_the_middle_of_a_line(
    key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ranked_lines(key, "1", lambda *_: METHODS)
    answers = AnswerFile(tmp_path / "a.jsonl", key)
    write = os.write

    def part(file: int, data: bytes) -> int:
        write(file, data[:30])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zeroconv.evaluation.study.server.os.write", part)
    with pytest.raises(OSError, match="No space"):
        answers.append(body_of(lines[0]))
    monkeypatch.undo()
    answers.append(body_of(*lines))
    assert len(read_answers([tmp_path / "a.jsonl"], key).counted) == 8


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    study = ranking_study(tmp_path / "made")
    folder = written(study, tmp_path / "study")
    code = "import sys; from zeroconv.cli import main; sys.exit(main(['study', 'serve', sys.argv[1], '--port', '0']))"
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        lines = ranked_lines(study.key, "1", lambda *_: METHODS)
        for line in lines:
            assert ask(url + "answers", body_of(line))[0] == 200
        process.send_signal(signal.SIGKILL)
    assert len(read_answers([folder / "answers.jsonl"], study.key).counted) == len(lines)
