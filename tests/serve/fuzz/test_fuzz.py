"""Requests made by chance from the OpenAPI document, right and wrong ones, against a real server.

Whatever comes: no 5xx, no traceback, no path of the server's, and answers as the document says.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from whole_server import serving
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Limits

SMALL = Limits(pixels=64 * 64, steps=2, pictures=2, controls=2, upload_pixels=64 * 64, queue=4, queue_per_client=4)
"""What is granted costs nearly nothing, so that the time goes into what is refused."""
INSIDE = ("Traceback", 'File "', "site-packages", str(Path(__file__).parents[3]), sys.prefix)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""Whether a right request is accepted is no matter here: what is granted is less than what the document allows."""
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
_HEAVY = 12
"""How many times as often addresses that take fields are asked as those that take none."""


@pytest.fixture(scope="module")
def place(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The server's address and its data folder."""
    data = tmp_path_factory.mktemp("data")
    with serving(models, data, SMALL) as port:
        yield f"http://127.0.0.1:{port}", data


def operations(address: str) -> list[APIOperation]:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


def attack(place: tuple[str, Path], cases: int) -> Counter[int]:
    """About so many requests, right and wrong, over all operations -> how often each status came."""
    address, data = place
    found = operations(address)
    statuses: Counter[int] = Counter()

    def check(case: Case) -> None:
        response = case.call(base_url=address, timeout=60)
        statuses[response.status_code] += 1
        assert response.status_code < 500, response.text
        assert not any(sign in response.text for sign in (*INSIDE, str(data))), response.text
        case.validate_response(response, checks=CHECKS)

    weights = [_HEAVY if operation.body or operation.query else 1 for operation in found]
    for operation, weight in zip(found, weights, strict=True):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with_chance = settings(
                max_examples=max(1, round(cases * weight / sum(weights) / 2)),
                database=None,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )
            with suppress(Unsatisfiable):  # an address without fields cannot be asked wrongly
                with_chance(given(operation.as_strategy(generation_mode=mode))(check))()
    return statuses


def test_a_hundred_requests(place: tuple[str, Path]) -> None:
    assert sum(attack(place, 100).values()) >= 60


@pytest.mark.slow
def test_a_thousand_requests(place: tuple[str, Path]) -> None:
    assert sum(attack(place, 1300).values()) >= 1000  # some addresses have fewer requests than are asked for
