"""docs/serve.md says what is so: its Python runs against a server, its flags, addresses and files are there."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sent_pictures import house
from zeroconv.cli.parser import Parser
from zeroconv.serve import command
from zeroconv.serve.application import whole_app
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "serve.md").read_text("utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the document's Python defines."""
    found: dict[str, Any] = {}
    for code in CODE:
        exec(code, found)
    return found


def test_the_api_from_python(names: dict[str, Any], port: int, tmp_path: Path) -> None:
    house().save(tmp_path / "photo.png")
    made = names["controlled_picture"](f"http://127.0.0.1:{port}", tmp_path / "photo.png")
    assert Image.open(io.BytesIO(made)).size == (128, 128)


def test_a_client_of_the_web_ui(names: dict[str, Any], port: int) -> None:
    assert names["by_webuiapi"](port, house()).size == (128, 128)


def test_flags_exist() -> None:
    parser = Parser()
    command.add_arguments(parser)
    flags = set(re.findall(r"(--[a-z][a-z-]+)", TEXT))
    assert len(flags) > 6 and flags <= {*parser._option_string_actions}


def test_addresses_exist(models: Models, tmp_path: Path) -> None:
    jobs = Jobs(Settings(tmp_path), models)
    try:
        paths = whole_app(Settings(tmp_path), models, jobs).openapi()["paths"]
    finally:
        jobs.close()
    named = re.findall(r"`(?:GET |POST |DELETE )?(/(?:v1|sdapi|controlnet)/[^`]+)`", TEXT)
    assert len(named) > 10
    assert [path for path in named if path not in paths] == []


@pytest.mark.parametrize("path", re.findall(r"`(benchmarks/[\w.]+)`", TEXT))
def test_files_exist(path: str) -> None:
    assert (ROOT / path).is_file()
