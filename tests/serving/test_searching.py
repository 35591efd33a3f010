"""Items by what is written and what is liked, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from .conftest import Live, Serve


def asked(api: httpx.Client, q: str, **more: Any) -> dict[str, Any]:
    answer = api.get("/v1/search", params={"q": q, "by": "taste", **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def places(told: dict[str, Any]) -> list[int]:
    return [int(one["item"]) for one in told["items"]]


def test_what_is_found_is_ordered_by_taste(api: httpx.Client) -> None:
    even, odd = asked(api, "drama", user="u0", k=7), asked(api, "drama", user="u1", k=7)
    assert [one % 2 for one in places(even)] == [0] * 7
    assert [one % 2 for one in places(odd)] == [1] * 7
    how = even["items"][0]["how"]
    assert how["taste"] is not None
    assert "relevance" in how["why"]
    had = asked(api, "drama", had=["3", "Odd film 9 (1979)"], k=7)
    assert [one % 2 for one in places(had)] == [1] * 7
    nobody = asked(api, "drama", k=7)
    assert {one["how"]["taste"] for one in nobody["items"]} == {None}
    plain = api.get("/v1/search", params={"q": "odd film 7"}).json()
    assert {one["how"] for one in plain["items"]} == {None}


def test_weights_filters_titles_and_what_was_had(api: httpx.Client) -> None:
    found = asked(api, "drama", user="u0", filter=["year>=1980", "genre!=Comedy"], k=40)
    assert places(found)
    assert all(one >= 10 and one % 2 for one in places(found))
    relevance = [
        one["how"]["relevance"] for one in asked(api, "drama", user="u0", weight=0)["items"]
    ]
    assert relevance == sorted(relevance, reverse=True)
    seen = [one for one in asked(api, "drama", user="u0", k=40)["items"] if one["how"]["seen"]]
    assert seen
    left = places(asked(api, "drama", user="u0", k=40, unseen=True))
    assert not {int(one["item"]) for one in seen} & set(left)
    assert asked(api, "odd film 7", user="u0")["items"][0]["how"]["named"]


def test_what_cannot_be_searched_is_told(api: httpx.Client) -> None:
    for more, told in (
        ({"user": "u0", "had": ["3"]}, "either user or had"),
        ({"filter": ["colour=red"]}, "no attribute 'colour'"),
        ({"filter": ["?"]}, "is no condition"),
        ({"had": ["Nowhere"]}, "no item is called 'Nowhere'"),
    ):
        answer = api.get("/v1/search", params={"q": "drama", "by": "taste", **more})
        assert answer.status_code == 422
        assert told in answer.json()["detail"]


def test_events_count_and_items_that_came_are_not_written_into_the_run(live: Live) -> None:
    api = live.client()
    before = places(asked(api, "drama", user="someone", k=5))
    events = [{"user": "someone", "item": str(n), "kind": "like"} for n in (1, 5, 7, 11)]
    assert api.post("/v1/events", json={"events": events}).status_code == 201
    after = places(asked(api, "drama", user="someone", k=5))
    assert sum(one % 2 for one in after) > sum(one % 2 for one in before)
    index = live.service.runs.get().run.path("search")
    assert index.is_dir()
    changes = sorted((path.name, path.stat().st_mtime_ns) for path in index.rglob("*.npy"))
    item = {"title": "Quorbit (1999)", "attributes": {"genres": "Drama"}}
    assert api.put("/v1/items/3", json=item).status_code in (200, 201)
    assert places(asked(api, "quorbit"))[0] == 3
    assert sorted((p.name, p.stat().st_mtime_ns) for p in index.rglob("*.npy")) == changes


def test_stages_are_a_setting_of_the_server(serve: Serve) -> None:
    with serve(search="lsa") as live:
        found = asked(live.client(), "horror", user="u1", k=3)
        assert [one % 2 for one in places(found)] == [1] * 3
