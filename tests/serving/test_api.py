"""The API over a real socket, with a real run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from palate.experiments.recommend import recommend
from palate.experiments.run import Run

from .conftest import FILMS, Live, Serve


def listed(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["item"] for one in answer.json()["items"]]


def list_of(api: httpx.Client, **asked: Any) -> list[str]:
    return listed(api.post("/v1/recommend", json=asked))


def did(api: httpx.Client, user: str, item: str, kind: str = "like", **more: Any) -> None:
    event = {"user": user, "item": item, "kind": kind, **more}
    answer = api.post("/v1/events", json={"events": [event]})
    assert answer.status_code == 201, answer.text


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["type"].startswith("urn:palate:problem:")
    return str(told["detail"])


def test_a_list_is_the_same_as_on_the_command_line(api: httpx.Client, ease: Run) -> None:
    expected = recommend(ease, user="u3", k=7)
    told = api.get("/v1/recommend", params={"user": "u3", "k": 7}).json()
    assert [one["item"] for one in told["items"]] == [one.item for one in expected]
    assert [one["score"] for one in told["items"]] == pytest.approx([o.score for o in expected])
    assert set(told["items"][0]["attributes"]) == {"genres", "year"}
    assert told["run"] == {"name": "ease", "version": "ease", "method": "ease"}
    assert (told["known"], told["history"], told["notes"]) == (True, 12, [])
    titles = ease.catalogue().titles[:2]
    by_history = recommend(ease, history=[0, 1], k=5)
    assert list_of(api, history=titles, k=5) == [one.item for one in by_history]


def test_the_list_changes_as_soon_as_someone_likes_something(api: httpx.Client) -> None:
    before = list_of(api, user="new", k=5)
    liked = next(item for item in before if int(item) % 2)
    did(api, "new", liked)
    after = list_of(api, user="new", k=5)
    assert liked not in after
    assert all(int(item) % 2 for item in after)  # of the same taste
    told = api.get("/v1/users/new").json()
    assert [one["item"] for one in told["history"]] == [liked]


@pytest.mark.parametrize("kind", ["dislike", "skip"])
def test_what_is_refused_leaves_the_list(api: httpx.Client, kind: str) -> None:
    first, *rest = list_of(api, user="u1", k=10)
    did(api, "u1", first, kind)
    assert list_of(api, user="u1", k=9) == rest
    assert first not in list_of(api, user="u1", k=FILMS, exclude_seen=False)
    assert api.get("/v1/users/u1").json()["refused"][0]["item"] == first
    did(api, "u1", first)
    assert first in list_of(api, user="u1", k=FILMS, exclude_seen=False)


def test_what_was_seen_may_come_again_if_one_wants(api: httpx.Client) -> None:
    assert len(list_of(api, user="u1", k=1000)) == FILMS - 12
    assert len(list_of(api, user="u1", k=1000, exclude_seen=False)) == FILMS


def test_filters_exclusions_and_diversity(api: httpx.Client) -> None:
    horror = {"genres": {"any": ["horror"]}, "year": {"min": 1980, "max": 1999}}
    found = list_of(api, user="u1", k=50, filters=horror)
    assert found
    assert all(int(item) % 2 and 10 <= int(item) < 30 for item in found)
    rest = list_of(api, user="u1", k=50, filters=horror, exclude=[found[0], "Odd film 11 (1981)"])
    assert not {found[0], "11"} & set(rest)
    plain = list_of(api, history=["0"], k=6)
    mixed = list_of(api, history=["0"], k=6, diversity=0.9)
    assert plain[0] == mixed[0]
    assert len({int(item) % 2 for item in plain}) < len({int(item) % 2 for item in mixed})
    none = api.post("/v1/recommend", json={"user": "u1", "filters": {"year": {"min": 3000}}}).json()
    assert none["items"] == []
    assert "no item is what the filters want; leave one out" in none["notes"]


def test_a_batch_is_the_same_as_one_at_a_time(api: httpx.Client) -> None:
    wishes = [{"user": f"u{n}", "k": 3} for n in range(40)] + [{"history": [], "k": 2}]
    answers = api.post("/v1/recommend/batch", json={"requests": wishes}).json()["answers"]
    for wish, answer in zip(wishes, answers, strict=True):
        alone = api.post("/v1/recommend", json=wish).json()
        assert [o["item"] for o in answer["items"]] == [o["item"] for o in alone["items"]]


def test_someone_new_gets_what_suits_someone_new(api: httpx.Client) -> None:
    told = api.get("/v1/recommend", params={"user": "nobody"}).json()
    assert (told["known"], len(told["items"])) == (False, 10)
    assert "nothing is known of this person" in told["notes"][0]


def test_similar_items_are_of_the_same_taste(serve: Serve) -> None:
    with serve("ease", "popularity") as live:
        api = live.client()
        told = api.get("/v1/items/4/similar", params={"k": 5}).json()
        assert told["by"] == "scores"
        assert all(int(one["item"]) % 2 == 0 and one["item"] != "4" for one in told["items"])
        told = api.get("/v1/items/4/similar", params={"k": 5, "run": "popularity"}).json()
        assert told["by"] == "attributes"
        assert all("Comedy" in one["attributes"]["genres"] for one in told["items"])
        assert "no item 'none'" in problem(api.get("/v1/items/none/similar"), 404)


def test_search_by_title_and_by_words(api: httpx.Client) -> None:
    assert "7" in listed(api.get("/v1/search", params={"q": "odd film 7"}))
    found = listed(api.get("/v1/search", params={"q": "horror drama", "by": "words", "k": 3}))
    assert all(int(item) % 2 and int(item) % 3 == 0 for item in found)
    told = problem(api.get("/v1/search", params={"q": "x", "by": "meaning"}), 422)
    assert "search by title or words" in told


def test_explanations_are_those_of_the_command_line(api: httpx.Client, ease: Run) -> None:
    from palate.experiments.explain import explain

    history = ease.history("u2")
    expected = explain(ease.recommender(), history)
    asked = {"user": "u2", "items": [], "most": 100}
    (told,) = api.post("/v1/explain", json=asked).json()["items"]
    assert told["item"] == ease.catalogue().items[expected.item]
    assert told["rank"] == expected.rank == 1
    assert [one["change"] for one in told["influences"]] == pytest.approx(
        [one.change for one in expected.influences]
    )
    assert told["influences"][0]["title"] in told["reason"]
    best = list_of(api, user="u2", k=4)
    several = api.post("/v1/explain", json={"user": "u2", "items": best}).json()["items"]
    assert [one["rank"] for one in several] == [1, 2, 3, 4]
    assert "send a history" in problem(api.post("/v1/explain", json={"user": "nobody"}), 422)


def test_a_conversation_is_kept_by_who_holds_it(api: httpx.Client) -> None:
    first = api.post("/v1/chat", json={"turns": ["three comedies"]}).json()
    assert first["understood"] == ["Comedy"]
    assert len(first["choices"]) == 3
    more = api.post("/v1/chat", json={"turns": ["three comedies", "from the eighties"]}).json()
    assert set(more["understood"]) == {"Comedy", "1980–1989"}
    assert all(1980 <= one["year"] <= 1989 for one in more["choices"])
    assert not {o["item"] for o in first["choices"]} & {o["item"] for o in more["choices"]}


def test_chat_is_streamed_choices_first(api: httpx.Client) -> None:
    headers = {"Accept": "text/event-stream"}
    asked = {"turns": ["two comedies"], "user": "u1"}
    with api.stream("POST", "/v1/chat", json=asked, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join(answer.iter_text())
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)
    assert [name for name, _ in events] == ["understood", "item", "item", "text", "done"]
    done = json.loads(events[-1][1])
    assert done == api.post("/v1/chat", json=asked).json()


def test_an_idempotency_key_writes_once(api: httpx.Client) -> None:
    asked = {"events": [{"user": "ann", "item": "7", "kind": "like"}]}
    headers = {"Idempotency-Key": "one"}
    first = api.post("/v1/events", json=asked, headers=headers)
    again = api.post("/v1/events", json=asked, headers=headers)
    assert first.json() == {"written": 1, "repeated": False}
    assert again.json() == {"written": 1, "repeated": True}
    other = {"events": [{"user": "ann", "item": "8", "kind": "like"}]}
    assert "new key" in problem(api.post("/v1/events", json=other, headers=headers), 409)
    kept = api.get("/v1/users/ann/export").json()["store"]["events"]
    assert [one["item"] for one in kept] == ["7"]


def test_events_are_written_all_or_none(api: httpx.Client) -> None:
    some = [{"user": "ann", "item": item, "kind": "like"} for item in ("1", "none", "2")]
    told = problem(api.post("/v1/events", json={"events": some}), 422)
    assert "body.events.1.item" in told
    assert "PUT /v1/items" in told
    assert api.get("/v1/users/ann").json()["known"] is False


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("recommend", {}, "either user or history"),
        ("recommend", {"user": "a", "history": []}, "either user or history"),
        ("recommend", {"user": "a", "k": 0}, "body.k"),
        ("recommend", {"user": "a", "k": "5"}, "body.k"),
        ("recommend", {"user": "a", "count": 5}, "body.count"),
        ("recommend", {"user": ""}, "body.user"),
        ("recommend", {"user": "a\x00"}, "body.user"),
        ("recommend", {"history": ["Od film 7 (1977)"]}, "did you mean: Odd film 7 (1977)"),
        ("recommend", {"user": "a", "filters": {"genre": {"any": ["x"]}}}, "did you mean genres"),
        ("events", {"events": []}, "body.events"),
        ("events", {"events": [{"user": "a", "item": "1", "kind": "adore"}]}, "kind"),
        ("events", {"events": [{"user": "a", "item": "1", "kind": "rate"}]}, "rating"),
        ("events", {"events": [{"user": "a", "item": "1", "kind": "like", "rating": 3}]}, "rating"),
        ("chat", {"turns": []}, "body.turns"),
        ("chat", {"turns": ["x"], "user": "a", "history": []}, "not both"),
    ],
)
def test_what_cannot_be_answered_says_the_mend(
    api: httpx.Client, path: str, body: dict[str, Any], told: str
) -> None:
    assert told in problem(api.post(f"/v1/{path}", json=body), 422)


def test_other_wrong_requests_are_problems_too(api: httpx.Client) -> None:
    assert "GET /docs" in problem(api.get("/v1/nothing"), 404)
    assert "GET /docs" in problem(api.delete("/v1/recommend"), 405)
    assert "no run is called 'x'; there are: ease" in problem(
        api.get("/v1/recommend", params={"user": "a", "run": "x"}), 404
    )
    headers = {"Content-Type": "application/json"}
    problem(api.post("/v1/recommend", content=b"{", headers=headers), 422)
    problem(api.post("/v1/recommend", content=b"[" * 100_000, headers=headers), 400)
    problem(api.post("/v1/recommend", content=b"\xff\xfe", headers=headers), 422)
    problem(api.post("/v1/recommend", content=b'{"user": "a"}'), 422)
    surrogate = b'{"user": "\\ud800"}'
    problem(api.post("/v1/recommend", content=surrogate, headers=headers), 422)


def test_an_item_is_described_anew_at_once(api: httpx.Client) -> None:
    told = api.put("/v1/items/7", json={"title": "Seven (1995)", "attributes": {"year": 1995}})
    assert told.json()["title"] == "Seven (1995)"
    assert told.json()["recommended_by"] == ["ease"]
    assert listed(api.get("/v1/search", params={"q": "seven"})) == ["7"]
    assert api.get("/v1/items/7").json()["attributes"] == {"genres": "Horror", "year": "1995"}
    assert "7" in list_of(api, user="u2", k=50, filters={"year": {"min": 1995, "max": 1995}})


def test_an_item_that_is_added_waits_where_ids_are_learned(api: httpx.Client) -> None:
    added = {"title": "A new one (2026)", "attributes": {"genres": ["Comedy"], "length": 90}}
    told = api.put("/v1/items/a/b c", json=added).json()
    assert told["recommended_by"] == []
    assert "after palate update --from-store" in told["waits_in"]["ease"]
    assert api.get("/v1/items/a/b c").json()["attributes"] == added["attributes"]
    did(api, "ann", "a/b c")
    told = api.get("/v1/recommend", params={"user": "ann"}).json()
    assert "1 events about items that this run does not rank yet" in told["notes"][0]
    problem(api.get("/v1/items/none"), 404)


def test_users_are_listed_exported_and_deleted(api: httpx.Client) -> None:
    did(api, "u1x", "3")
    listed = api.get("/v1/users", params={"prefix": "u1", "limit": 50}).json()["users"]
    assert "u1x" in listed
    assert "u10" in listed
    did(api, "u10", "3")
    told = api.get("/v1/users/u10/export").json()
    assert [one["item"] for one in told["store"]["events"]] == ["3"]
    assert len(told["runs"]["ease"]) == 12
    done = api.delete("/v1/users/u10").json()
    assert (done["events"], done["runs"]) == (1, {"ease": 12})
    assert api.get("/v1/users/u10").json()["known"] is False
    told = api.get("/v1/users/u10/export").json()
    assert (told["store"]["events"], told["runs"]["ease"]) == ([], [])
    listed = api.get("/v1/users", params={"prefix": "u1", "limit": 50}).json()["users"]
    assert "u10" not in listed
    nobody = api.get("/v1/recommend", params={"user": "nobody"}).json()["items"]
    assert api.get("/v1/recommend", params={"user": "u10"}).json()["items"] == nobody
    did(api, "u10", "5")
    assert [o["item"] for o in api.get("/v1/users/u10").json()["history"]] == ["5"]


def test_a_run_tells_of_itself(api: httpx.Client) -> None:
    (told,) = api.get("/v1/runs").json()["runs"]
    assert (told["name"], told["items"], told["users"]) == ("ease", FILMS, 60)
    assert 0 <= told["metrics"]["ndcg@10"] <= 1
    details = api.get("/v1/runs/ease").json()
    facets = {one["name"]: one for one in details["attributes"]}
    assert facets["genres"]["values"][0] == ["Comedy", 20]
    assert (facets["year"]["min"], facets["year"]["max"]) == (1970, 2009)
    report = api.get("/v1/runs/ease/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "sandbox" in report.headers["content-security-policy"]
    problem(api.get("/v1/runs/none"), 404)


def test_health_readiness_and_metrics(api: httpx.Client) -> None:
    assert api.get("/v1/health").json()["status"] == "ok"
    assert api.get("/v1/ready").json()["runs"] == {"ease": "ease"}
    did(api, "ann", "1")
    text = api.get("/v1/metrics").text
    assert 'palate_events_total{kind="like"} 1.0' in text
    assert 'route="/v1/events",status="201"} 1.0' in text
    assert 'palate_run{name="ease",version="ease"} 1.0' in text
    assert "palate_store_up 1.0" in text


def test_every_route_is_described_with_an_example(api: httpx.Client) -> None:
    schema = api.get("/openapi.json").json()
    page = api.get("/docs").text
    for path, methods in schema["paths"].items():
        assert path in page
        for method, told in methods.items():
            assert told["summary"], path
            assert told["description"], path
            assert set(told["responses"]) >= {"4XX", "5XX"}
            if method in ("post", "put"):
                ref = told["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                body = schema["components"]["schemas"][ref.rpartition("/")[2]]
                shown = body.get("examples") or [
                    one.get("examples") for one in body["properties"].values()
                ]
                assert shown, path


def test_the_examples_can_be_sent(trained: Path, live: Live) -> None:
    """As they stand, or the answer says that this shop has no such film."""
    api = live.client()
    schema = api.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        ref = methods.get("post", {}).get("requestBody", {})
        if not ref:
            continue
        name = ref["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for example in schema["components"]["schemas"][name].get("examples", []):
            answer = api.post(path, json=example)
            unknown = ("no item", "no attribute", "nothing is known")
            fits = answer.status_code < 300 or any(one in answer.text for one in unknown)
            assert fits, (path, answer.text)


def test_the_docs_load_nothing_and_run_nothing(api: httpx.Client) -> None:
    page = api.get("/docs")
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="(https?:)?//', page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")
