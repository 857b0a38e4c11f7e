"""`zeroconv serve` as it is typed: what it refuses, and that it is not open to everybody."""

import argparse
import socket
from pathlib import Path

import pytest

from zeroconv.cli import main
from zeroconv.cli.parser import Parser
from zeroconv.errors import UserError
from zeroconv.serve.command import add_arguments, settings_of

Capture = pytest.CaptureFixture[str]
SECRET = "a-secret-of-some-length"


def parsed(*flags: str) -> argparse.Namespace:
    parser = Parser()
    add_arguments(parser)
    return parser.parse_args(flags)


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEROCONV_TOKEN", raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_other_machines_need_a_token(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="lets other machines in, which needs a token"):
        settings_of(parsed("--host", host))
    assert settings_of(parsed("--host", host, "--token", SECRET)).tokens == {SECRET: "client"}
    (tmp_path / "tokens").write_text(f"one {SECRET}\n\ntwo {SECRET}2\n")
    named = settings_of(parsed("--host", host, "--token-file", str(tmp_path / "tokens"))).tokens
    assert named == {SECRET: "one", f"{SECRET}2": "two"}
    monkeypatch.setenv("ZEROCONV_TOKEN", SECRET)
    assert settings_of(parsed("--host", host)).tokens == {SECRET: "client"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert settings_of(parsed("--host", host)).tokens == {}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--token", "short"], "a token has at least 8"),
        (["--token", ""], "a token has at least 8"),
        (["--token", SECRET, "--token-file", "x"], "not both"),
        (["--token-file", "nothing"], "no file nothing"),
        (["--port", "70000"], "--port must be 0 to 65535"),
        (["--max-steps", "0"], "--max-steps must be above 0"),
    ],
)
def test_flags_that_cannot_be(flags: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings_of(parsed(*flags))


def test_every_limit_is_a_flag() -> None:
    limits = settings_of(parsed("--max-pixels", "100", "--max-job-seconds", "2.5")).limits
    assert (limits.pixels, limits.job_seconds, limits.steps) == (100, 2.5, 150)


def said(capsys: Capture, *flags: str) -> str:
    assert main(["serve", *flags]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and error.count("\n") == 1
    return error


def test_mistakes_are_one_sentence(capsys: Capture, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    assert "is written NAME=PATH, got 'edges'" in said(capsys, "--controlnet", "edges", *data)
    assert "--lora is written NAME=PATH, got 'ink'" in said(capsys, "--lora", "ink", *data)
    assert "--base a is given twice" in said(capsys, "--base", "a=x", "--base", "a=y", *data)
    assert "which needs a token" in said(capsys, "--host", "0.0.0.0", *data)
    assert "did you mean '--port'" in said(capsys, "--prot", "1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot listen at 127.0.0.1" in said(capsys, "--port", str(taken.getsockname()[1]), *data)


def test_without_the_extra_it_says_how_to_get_it(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zeroconv.serve.command._MODULES", ("a_package_that_is_not_there",))
    assert "pip install 'zeroconv[web]'" in said(capsys)
