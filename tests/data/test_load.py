"""Loading: what each step says, what the catalogue holds, and MovieLens 100K to the digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split

EVENTS = (
    "user,item,time,rating\n"
    "ann,a,3,5\nann,b,1,2\nann,a,9,4\nbob,a,4,5\nbob,b,5,\ncid,a,6,4\ncid,d,7,5\n"
)
ITEMS = "item,title,year\na,Alpha,2001\nb,Beta,2002\nc,Gamma,2003\n"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "items.csv").write_text(ITEMS)
    return {"interactions": tmp_path / "events.csv", "items": tmp_path / "items.csv"}


def told(dataset: Dataset) -> list[tuple[str, int, int, int, int]]:
    return [(s.name, s.users, s.items, s.events, s.dropped_events) for s in dataset.steps]


def test_every_step_is_told(files: dict[str, Path]) -> None:
    assert told(load(DataConfig(**files, min_rating=4, duplicates="last"))) == [
        ("read", 3, 3, 7, 0),
        ("min rating", 3, 2, 5, 2),
        ("duplicates", 3, 2, 4, 1),
        ("catalogue", 3, 4, 4, 0),
    ]
    assert told(load(DataConfig(**files, k_core=2))) == [
        ("read", 3, 3, 7, 0),
        ("k-core", 2, 2, 5, 2),
        ("catalogue", 2, 2, 5, 0),
    ]
    assert told(load(DataConfig(**files, users=2)))[1][:2] == ("users", 2)
    note = load(DataConfig(**files, min_rating=4)).steps[1].note
    assert note == "rated at least 4; 1 had no rating"


def test_texts_cut_out_of_web_pages_are_read_as_the_pages_show_them(
    files: dict[str, Path],
) -> None:
    files["items"].write_text(
        "item,title,year\na,Dungeons &amp; Dragons,2001\nb,Pok&eacute;mon&#39;s&nbsp;End,\n"
        "c,AT&T; &unknown; &,2003\n"
    )
    dataset = load(DataConfig(**files))
    assert dataset.catalogue.titles[:3] == [
        "Dungeons & Dragons", "Pokémon's End", "AT&T; &unknown; &",
    ]  # fmt: skip
    assert "2 with entities of HTML ('&amp;' …), decoded" in dataset.steps[-1].note


def test_catalogue_keeps_the_file_order_and_adds_what_only_events_know(
    files: dict[str, Path],
) -> None:
    dataset = load(DataConfig(**files))
    assert dataset.catalogue.items == ["a", "b", "c", "d"]
    assert dataset.catalogue.titles == ["Alpha", "Beta", "Gamma", "d"]
    assert dataset.catalogue.frame["year"].to_list() == ["2001", "2002", "2003", None]
    note = dataset.steps[-1].note
    assert "1 without events kept" in note
    assert "1 with events are not in it (first: 'd')" in note
    assert told(dataset)[-1] == ("catalogue", 3, 4, 7, 0)


@pytest.mark.parametrize("settings", [{"k_core": 2}, {"unseen_items": "drop"}])
def test_items_without_events_leave_the_catalogue(
    files: dict[str, Path], settings: dict[str, str]
) -> None:
    dataset = load(DataConfig(**files, **settings))
    assert "c" not in dataset.catalogue.items
    assert "without events dropped" in dataset.steps[-1].note


def test_histories_follow_time_not_the_file(files: dict[str, Path]) -> None:
    dataset = load(DataConfig(**files))
    assert dataset.users == ["ann", "bob", "cid"]
    assert [h.tolist() for h in dataset.sequences] == [[1, 0, 0], [0, 1], [0, 3]]
    assert dataset.times.tolist() == [1, 3, 9, 4, 5, 6, 7]


def test_fingerprint_tells_content_apart(files: dict[str, Path]) -> None:
    first = load(DataConfig(**files)).fingerprint
    assert load(DataConfig(**files)).fingerprint == first
    changes = [
        ("interactions", EVENTS.replace("ann,a,3", "ann,a,2")),
        ("interactions", EVENTS.replace("cid,a,6,4", "cid,a,6,3")),
        ("interactions", EVENTS.replace("bob,b", "bob,a")),
        ("items", ITEMS.replace("Beta", "Better")),
    ]
    found = {first}
    for which, text in changes:
        original = files[which].read_text()
        files[which].write_text(text)
        found.add(load(DataConfig(**files)).fingerprint)
        files[which].write_text(original)
    assert len(found) == len(changes) + 1
    assert load(DataConfig(**files)).fingerprint == first


def test_config_wants_one_source() -> None:
    for wrong in ({}, {"data": "ml-100k", "interactions": Path("x.csv")}):
        with pytest.raises(ValidationError, match="give either data"):
            DataConfig(**wrong)
    with pytest.raises(ValidationError, match="k_cor"):
        DataConfig(data="ml-100k", k_cor=5)  # type: ignore[call-arg]


def test_config_survives_json() -> None:
    config = DataConfig(interactions=Path("a.csv"), k_core=5, split="temporal")
    assert DataConfig(**config.model_dump(mode="json")) == config


def test_movielens_100k(ml100k: Dataset) -> None:
    assert told(ml100k) == [
        ("read", 943, 1682, 100_000, 0),
        ("catalogue", 943, 1682, 100_000, 0),
    ]
    assert ml100k.catalogue.titles[0] == "Toy Story (1995)"
    assert ml100k.catalogue.frame["genres"][0] == "Animation, Children's, Comedy"
    assert ml100k.catalogue.items == [str(i) for i in range(1, 1683)]
    assert ml100k.interactions.rows()[0] == ("196", "242", 881250949, 3.0)
    assert ml100k.user_attributes is not None
    assert len(ml100k.user_attributes) == 943
    assert "non-commercial" in (ml100k.licence or "")
    assert "Harper and Joseph A. Konstan" in (ml100k.citation or "")


def test_movielens_100k_popularity_to_rounding(ml100k_split: Split) -> None:
    """Leave-one-out, full catalogue, history with the validation item masked."""
    split = ml100k_split
    assert len(split.test) == len(split.validation) == 943
    counts = np.bincount(split.train.sequences().items, minlength=split.n_items)
    against, favour = [], []
    for history, target in zip(split.test.histories, split.test.targets, strict=True):
        scores = counts.astype(float)
        scores[history] = -1
        scores[target] = -1  # not its own competitor
        against.append((scores >= counts[target]).sum())
        favour.append((scores > counts[target]).sum())
    for ranks, expected in ((against, 0.0432), (favour, 0.0450)):
        gains = np.where(np.array(ranks) < 10, 1 / np.log2(np.array(ranks) + 2), 0)
        assert round(float(gains.mean()), 4) == expected


def test_movielens_100k_k_core_and_ratings() -> None:
    dataset = load(DataConfig(data="ml-100k", min_rating=4, k_core=5))
    users, items = dataset.interactions["user"], dataset.interactions["item"]
    assert dataset.interactions["rating"].min() == 4
    assert users.value_counts()["count"].min() >= 5
    assert items.value_counts()["count"].min() >= 5
    assert len(dataset.catalogue) == items.n_unique()
    assert sum(s.dropped_events for s in dataset.steps) + len(items) == 100_000


@pytest.mark.parametrize("how", ["leave-one-out", "user-holdout", "temporal"])
def test_movielens_100k_splits(ml100k: Dataset, how: str) -> None:
    split = make_split(ml100k, how)
    assert min(len(split.train), len(split.validation), len(split.test)) > 90
    assert split.n_items == 1682
