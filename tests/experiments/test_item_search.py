"""The items of a run, found for people."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.load import DataConfig
from palate.errors import ConfigError, RunError
from palate.experiments.chat import dialogue
from palate.experiments.item_search import LazySearch, find, opened, sentence, text_search
from palate.experiments.run import Run
from palate.experiments.train import train
from palate.search.items.search import ItemSearchConfig

FILMS = 40
WORDS = ItemSearchConfig(pipeline="bm25")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """EASE on a shop where users like films of one parity; film 39 nobody had."""
    folder = tmp_path_factory.mktemp("shop")
    films = [
        f"{n},{'Even' if n % 2 == 0 else 'Odd'} film {n} ({1970 + n}),"
        f"{'Crime|Drama' if n < 20 or n == 39 else 'Comedy'}"
        for n in range(FILMS)
    ]
    (folder / "films.csv").write_text("\n".join(["item,title,genres", *films]) + "\n")
    random, rows = np.random.default_rng(0), []
    for user in range(40):
        mine = [n for n in range(FILMS - 1) if n % 2 == user % 2]
        for item in random.permutation(mine)[:10].tolist():
            rows.append(f"u{user},{item},{1_700_000_000 + 60 * len(rows)}")
    (folder / "clicks.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    data = DataConfig(interactions=folder / "clicks.csv", items=folder / "films.csv")
    return train("ease", {}, data, folder=folder / "run")


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """The same in a folder of the test's own."""
    return Run(shutil.copytree(trained.folder, tmp_path / "run"))


def test_what_is_found_is_ordered_by_what_the_person_likes(run: Run) -> None:
    even = find(run, "crime", user="u0", config=WORDS)
    odd = find(run, "crime", user="u1", config=WORDS)
    for found, parity in ((even, 0), (odd, 1)):
        assert found.found == 21
        assert [one.item % 2 for one in found.items[:8]] == [parity] * 8
        assert "× 0.6 + taste" in sentence(found.items[0], found.weight)
    history = run.history("u0")
    assert {one.item for one in even.items if one.seen} <= set(history)
    assert any(one.seen for one in even.items)
    new = find(run, "crime", history=history, config=WORDS)
    assert [one.item for one in new.items] == [one.item for one in even.items]
    nobody = find(run, "crime", config=WORDS)
    assert nobody.weight == 0
    assert "taste" not in sentence(nobody.items[0], nobody.weight)


def test_filters_and_what_was_had(run: Run) -> None:
    asked = {"user": "u0", "filters": ["year>=1980", "genre=drama"], "config": WORDS, "k": FILMS}
    found = find(run, "crime", **asked)  # type: ignore[arg-type]
    assert {one.item for one in found.items} == {*range(10, 20), 39}
    unseen = find(run, "crime", leave_out_seen=True, **asked)  # type: ignore[arg-type]
    had = set(run.history("u0"))
    assert {one.item for one in unseen.items} == {*range(10, 20), 39} - had
    cold = next(one for one in found.items if one.item == 39)
    assert cold.taste is None
    assert "nobody had it yet" in sentence(cold, found.weight)
    named = find(run, "odd film 3", user="u0", config=WORDS).items[0]
    assert named.item == 3
    assert "its title" in sentence(named, 0.0)


def test_the_index_is_kept_in_the_run_and_follows_its_catalogue(run: Run) -> None:
    find(run, "crime", config=WORDS)
    before = opened(run).snapshot().generation
    find(run, "comedy", config=WORDS)
    assert opened(run).snapshot().generation == before
    frame = run.catalogue().frame.with_columns(genres=pl.lit("Western"))
    frame.write_parquet(run.path("catalogue.parquet"))
    assert find(run, "crime", config=WORDS).items == ()
    assert find(run, "western", config=WORDS).found == FILMS


def test_another_catalogue_and_a_folder_that_cannot_be_written_leave_the_run_as_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    LazySearch(run, WORDS, run.catalogue()).relevance("crime")
    assert not run.path("search").exists()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert find(run, "crime", config=WORDS).found == 21
    assert not run.path("search").exists()


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ({"text": " "}, ConfigError, "the query is empty"),
        ({"text": "x", "user": "nobody"}, RunError, "no user is called 'nobody'"),
        ({"text": "x", "user": "u0", "history": [1]}, RunError, "give one of the two"),
        ({"text": "x", "filters": ["x"]}, ConfigError, "is no condition"),
    ],
)
def test_what_cannot_be_searched_for(
    run: Run, asked: dict[str, object], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        find(run, config=WORDS, **asked)  # type: ignore[arg-type]


def test_a_dialogue_finds_what_is_wished_beside_its_constraints(run: Run) -> None:
    talk = dialogue(run, user="u0", k=FILMS)
    answer = talk.say("something with 19 in it, a crime drama, not from the seventies")
    assert "about “19”" in answer.understood
    years = {one.year for one in answer.choices}
    assert min(year for year in years if year is not None) >= 1980
    assert answer.choices[0].item == "19"
    assert "its text says “19”" in answer.choices[0].why
    with pytest.raises(ConfigError, match="no search stage is called 'nope'"):
        dialogue(run, search="nope")


def test_by_meaning_a_dialogue_heeds_words_that_no_text_has(run: Run) -> None:
    words = text_search(run)
    assert words is not None
    assert not words.by_meaning
    meaning = text_search(run, "lsa")
    assert meaning is not None
    assert meaning.by_meaning
    told = "villains, no comedy"
    lost = dialogue(run).say(told)
    heeded = dialogue(run, search="lsa").say(told)
    assert "about “villains”" not in lost.understood
    assert "about “villains”" in heeded.understood
    assert {"Comedy"}.isdisjoint(genre for one in heeded.choices for genre in one.genres)
