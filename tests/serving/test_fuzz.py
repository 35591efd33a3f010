"""Requests made up out of the server's own description: none of them is answered with a 5xx."""

from __future__ import annotations

import os
from collections import Counter

import schemathesis
from hypothesis import HealthCheck, given, settings

from palate.serving import keys

from .conftest import Live

EXAMPLES = int(os.environ.get("PALATE_FUZZ", "20"))  # requests of each route


def test_nothing_that_is_sent_is_answered_by_a_failure(live: Live) -> None:
    schema = schemathesis.openapi.from_url(f"{live.address}/openapi.json")
    routes = [one.ok() for one in schema.get_all_operations()]
    assert len(routes) == 22
    key = keys.make(live.service.store, "fuzz", "admin")
    headers = {"Authorization": f"Bearer {key}"}  # made-up keys would stop at the door
    answered: Counter[int] = Counter()
    for route in routes:

        @given(route.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def send(case: schemathesis.Case) -> None:
            answer = case.call(headers=headers)
            answered[answer.status_code] += 1
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]
                assert answer.json()["detail"]

        send()
    assert answered[200] > EXAMPLES
    assert live.client().get("/v1/ready").status_code == 200
