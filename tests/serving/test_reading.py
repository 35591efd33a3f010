"""A run that reads texts: items are recommendable as soon as they are added, and found by meaning;
and an approximate index of a run's vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from palate.data.load import DataConfig
from palate.experiments.train import train

from .conftest import FILMS, Live, serving

LEARNS = {
    "layers": 2,
    "samples": 48,
    "epochs": 1,
    "validation_users": 8,
    "length": 6,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
}


@pytest.fixture(scope="module")
def reading(shop: DataConfig, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading") / "reader"
    train("recformer", {**LEARNS, "model": str(tiny_model)}, shop, folder=folder)
    return folder


@pytest.fixture
def live(reading: Path, tmp_path: Path) -> Iterator[Live]:
    with serving({"reader": reading}, str(tmp_path / "store.sqlite")) as one:
        yield one


def items_of(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["item"] for one in answer.json()["items"]]


def test_an_added_item_is_recommended_at_once(live: Live, reading: Path, tmp_path: Path) -> None:
    api = live.client()
    assert api.get("/v1/runs/reader").json()["abilities"][-2:] == ["meaning", "new items"]
    told = api.put("/v1/items/new", json={"title": "Odd film 99", "attributes": {"year": 2026}})
    assert told.json()["recommended_by"] == ["reader"]
    assert told.json()["waits_in"] == {}
    assert told.json()["attributes"] == {"year": "2026"}
    asked = {"user": "u1", "k": 1000, "filters": {"year": {"min": 2026}}}
    assert items_of(api.post("/v1/recommend", json=asked)) == ["new"]
    sought = {"q": "film 99", "by": "taste", "user": "u1", "filter": "year>=2026"}
    (found,) = api.get("/v1/search", params=sought).json()["items"]
    assert (found["item"], found["how"]["taste"] is None) == ("new", False)
    assert len(items_of(api.post("/v1/recommend", json={"user": "u1", "k": 1000}))) == FILMS - 11
    event = {"user": "ann", "item": "new", "kind": "like"}
    api.post("/v1/events", json={"events": [event]})
    assert api.get("/v1/users/ann").json()["history"][0]["title"] == "Odd film 99"
    assert api.get("/v1/items/new/similar").json()["by"] == "vectors"
    with serving({"reader": reading}, str(tmp_path / "store.sqlite")) as again:
        assert items_of(again.client().post("/v1/recommend", json=asked)) == ["new"]


def test_search_by_meaning_finds_the_text_itself_first(live: Live) -> None:
    api = live.client()
    api.put("/v1/items/new", json={"title": "a phrase of its own"})
    found = items_of(api.get("/v1/search", params={"q": "a phrase of its own", "by": "meaning"}))
    assert found[0] == "new"


def test_an_index_gives_nearly_the_same_lists(
    shop: DataConfig, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    folder = tmp_path_factory.mktemp("vectors") / "sasrec"
    small = {"epochs": 2, "width": 16, "length": 10, "layers": 1, "device": "cpu"}
    train("sasrec", small, shop, folder=folder)
    lists = {}
    for index in ("exact", "hnsw"):
        place = str(tmp_path / f"{index}.sqlite")
        with serving({"sasrec": folder}, place, index=index) as live:
            api = live.client()
            (told,) = api.get("/v1/runs").json()["runs"]
            assert told["index"].startswith(index)
            wishes = [
                {"user": "u1", "k": 5},
                {"history": [], "k": 5},
                {"user": "u2", "k": 5, "filters": {"year": {"min": 1990}}},
                {"user": "u3", "k": 5, "diversity": 0.5},
                {"user": "u4", "k": 1000},
                {"history": ["3"], "k": 5, "exclude": ["5", "7"]},
            ]
            lists[index] = [items_of(api.post("/v1/recommend", json=wish)) for wish in wishes]
    assert lists["exact"] == lists["hnsw"]  # of so few items an index finds all
