"""Requests made up out of the server's own description: none of them is answered with a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from .conftest import Live, Serve

# A run's report and the docs are the only answers that are no JSON; all else has a schema.
api = schemathesis.pytest.from_fixture("described")


@pytest.fixture
def described(live: Live) -> Iterator[schemathesis.BaseSchema]:
    """The API as it describes itself."""
    yield schemathesis.openapi.from_url(f"{live.address}/openapi.json")


@api.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_is_sent_is_answered_by_a_failure(case: schemathesis.Case) -> None:
    answer = case.call()
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert answer.json()["detail"]


def test_the_server_still_answers_afterwards(serve: Serve) -> None:
    with serve() as live:
        assert live.client().get("/v1/ready").status_code == 200
