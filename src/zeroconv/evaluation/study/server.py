"""The page from a small server of the standard library, which writes the answers down.

POST /answers  JSON lines; all of them are written, with one call and to the disk, before they are acknowledged, or none
POST /rater    a number that no other rater has been given
"""

import os
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.evaluation.study.answers import read_answer
from zeroconv.evaluation.study.key import Key

LARGEST = 1_000_000  # bytes of a request: 2,000 answers
SECONDS = 30  # that a connection may be silent


class AnswerFile:
    """Lines appended whole: a reader and a run that was killed see a line or nothing, never a part of one."""

    def __init__(self, path: Path, key: Key) -> None:
        self.path, self.key = path, key
        self.lock = threading.Lock()
        self.last_number = 0
        self.count = 0
        self.is_cut = False
        if path.exists():
            _close_last_line(path)
            for line in path.read_bytes().splitlines():
                self._note(line)

    def append(self, body: bytes) -> int:
        """Checks and writes JSON lines -> how many. UserError, and nothing written, where one does not fit."""
        lines = [line for line in body.splitlines() if line.strip()]
        for line in lines:
            read_answer(line, self.key)
        with self.lock:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                data = b"\n" * self.is_cut + b"".join(line + b"\n" for line in lines)
                self.is_cut = True  # until all is written: a full disk may take a part
                _write_all(file, data)
                os.fsync(file)
                self.is_cut = False
            finally:
                os.close(file)
            for line in lines:
                self._note(line)
        return len(lines)

    def next_number(self) -> int:
        """A rater's number that is not in the file and was not given before."""
        with self.lock:
            self.last_number += 1
            return self.last_number

    def _note(self, line: bytes) -> None:
        try:
            rater = read_answer(line, self.key).rater
        except UserError:  # told by the analysis
            return
        self.count += 1
        if rater.isdecimal():
            self.last_number = max(self.last_number, int(rater))


class StudyServer(ThreadingHTTPServer):
    """Serves one page and takes its answers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], page: str, answers: AnswerFile) -> None:
        self.host, self.page, self.answers = address[0], page.encode(), answers
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        """Where the page is, on this machine."""
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0") else self.host
        return f"http://{host}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: StudyServer
    timeout = SECONDS

    def do_GET(self) -> None:
        if self.path.split("?")[0] in ("/", "/study.html"):
            self._reply(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is only one page here: /")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        if self.path == "/rater":
            self._say(HTTPStatus.OK, str(self.server.answers.next_number()))
        elif self.path != "/answers":
            self._say(HTTPStatus.NOT_FOUND, "answers go to /answers")
        elif self.headers.get_content_type() != "application/jsonl":  # which no foreign page can send without asking
            self._say(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/jsonl")
        else:
            self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            count = self.server.answers.append(body)
        except UserError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._say(HTTPStatus.INSUFFICIENT_STORAGE, f"the answers could not be written: {error.strerror}")
        else:
            self._say(HTTPStatus.OK, f"{count} written")

    def _body(self) -> bytes | None:
        """What was sent; None after a refusal."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._say(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
            return None
        if int(length) > LARGEST:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {LARGEST} bytes, got {length}")
            return None
        return self.rfile.read(int(length))

    def _say(self, status: HTTPStatus, sentence: str) -> None:
        self._reply(status, sentence.encode() + b"\n", "text/plain; charset=utf-8")

    def _reply(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing: what matters is in the answers."""


def _write_all(file: int, data: bytes) -> None:
    """One write; more only where the system took a part."""
    while data:
        data = data[os.write(file, data) :]


def _close_last_line(path: Path) -> None:
    """Ends a line that was cut short, so that the next one does not lengthen it."""
    with path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
