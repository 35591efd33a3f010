"""Updates of data, and the split of the newest one: indices stay and nothing leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.leakage import check_leakage
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.data.splits.update import update_questions
from palate.data.updates import Update
from palate.errors import DataError, LeakageError

OLD = [(f"u{u}", f"i{(u + t) % 7}", 1000 + 10 * t + u) for u in range(8) for t in range(6)]
NEW = [(f"u{u}", f"i{(3 * u + t) % 9}", 2000 + 10 * t + u) for u in range(4, 10) for t in range(5)]


def write(path: Path, rows: list[tuple], columns: str = "user,item,time") -> Path:
    lines = [columns, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def grown(tmp_path: Path, *updates: Update, old: list[tuple] = OLD, **more: object) -> Dataset:
    columns = str(more.pop("columns", "user,item,time"))
    config = DataConfig(
        interactions=write(tmp_path / "old.csv", old, columns),
        updates=updates,
        **more,  # type: ignore[arg-type]
    )
    return load(config)


def test_old_items_keep_their_indices_and_new_ones_follow(tmp_path: Path) -> None:
    before = grown(tmp_path)
    after = grown(tmp_path, Update(interactions=write(tmp_path / "new.csv", NEW)))
    assert after.catalogue.items[: len(before.catalogue)] == before.catalogue.items
    assert set(after.catalogue.items[len(before.catalogue) :]) == {"i7", "i8"}
    assert len(after.interactions) == len(OLD) + len(NEW)
    assert after.of_update is not None
    assert int(after.of_update.sum()) == len(NEW)
    step = after.steps[-1]
    assert (step.name, step.users, step.items, step.events) == ("update", 10, 9, 78)
    assert "2 new items" in step.note
    assert before.of_update is None


def test_the_last_of_two_updates_is_the_newest_and_the_order_matters(tmp_path: Path) -> None:
    first = Update(interactions=write(tmp_path / "a.csv", NEW))
    later = [(user, item, time + 500) for user, item, time in NEW[:9]]
    second = Update(interactions=write(tmp_path / "b.csv", later))
    both = grown(tmp_path, first, second)
    assert both.of_update is not None
    assert int(both.of_update.sum()) == 9
    assert both.interactions["update"].max() == 2
    whole = [*NEW, *later]
    at_once = grown(tmp_path, Update(interactions=write(tmp_path / "c.csv", whole)))
    assert at_once.sequences.items.tolist() == both.sequences.items.tolist()
    assert at_once.fingerprint != both.fingerprint  # they split otherwise


def test_titles_come_from_a_file_of_new_items(tmp_path: Path) -> None:
    items = write(tmp_path / "items.csv", [(f"i{n}", f"Film {n}") for n in range(7)], "item,title")
    events = write(tmp_path / "new.csv", NEW)
    with pytest.raises(DataError, match=r"new.csv: column 'item': 'i\d' is a new item and has no"):
        grown(tmp_path, Update(interactions=events), items=items)
    named = grown(tmp_path, Update(interactions=events), items=items, untitled="id")
    assert named.catalogue.titles[-1] == named.catalogue.items[-1]
    rows = [("i3", "Another"), ("i8", "Film 8"), ("i7", "Film 7"), ("i9", "Nobody's")]
    more = write(tmp_path / "more.csv", rows, "item,title")
    told = grown(tmp_path, Update(interactions=events, items=more), items=items)
    films = [f"Film {n}" for n in (0, 1, 2, 3, 4, 5, 6, 8, 7)]
    assert told.catalogue.titles == [*films, "Nobody's"]
    dropped = grown(
        tmp_path, Update(interactions=events, items=more), items=items, unseen_items="drop"
    )
    assert dropped.catalogue.items[-1] == "i7"
    bare = write(tmp_path / "bare.csv", [("i7", "Film 7"), ("i8", "")], "item,title")
    with pytest.raises(DataError, match=r"bare.csv: row 3, column 'title': item 'i8' has no title"):
        grown(tmp_path, Update(interactions=events, items=bare), items=items)


def test_events_that_were_there_are_not_taken_twice(tmp_path: Path) -> None:
    overlap = [*OLD[-5:], *NEW]
    after = grown(tmp_path, Update(interactions=write(tmp_path / "new.csv", overlap)))
    assert len(after.interactions) == len(OLD) + len(NEW)
    assert after.steps[-1].dropped_events == 5
    assert "5 that were there already dropped" in after.steps[-1].note
    again = Update(interactions=write(tmp_path / "again.csv", OLD))
    with pytest.raises(DataError, match=r"again.csv: no new event is in it"):
        grown(tmp_path, again)


def test_late_events_stand_where_their_time_puts_them(tmp_path: Path) -> None:
    late = [("u0", "i6", 999), *NEW]
    after = grown(tmp_path, Update(interactions=write(tmp_path / "new.csv", late)))
    assert after.catalogue.items[after.sequences[after.users.index("u0")][0]] == "i6"
    assert "1 older than the newest event before" in after.steps[-1].note


def test_ratings_are_taken_where_the_data_have_them(tmp_path: Path) -> None:
    rated = [(*row, 1 + n % 5) for n, row in enumerate(OLD)]
    columns = "user,item,time,rating"
    new = Update(interactions=write(tmp_path / "new.csv", NEW))
    after = grown(tmp_path, new, old=rated, columns=columns)
    assert after.interactions["rating"][-len(NEW) :].null_count() == len(NEW)
    ten = [(*row, 10) for row in NEW]
    higher = Update(interactions=write(tmp_path / "ten.csv", ten, columns))
    # What was liked does not become disliked because someone rates higher later.
    assert grown(tmp_path, higher, old=rated, columns=columns).like_from == 4
    assert "rating" not in grown(tmp_path, higher).interactions.columns
    few = [(*row, 1 + n % 2 * 4) for n, row in enumerate(NEW)]
    filtered = grown(
        tmp_path,
        Update(interactions=write(tmp_path / "few.csv", few, columns)),
        old=rated,
        columns=columns,
        min_rating=3,
    )
    assert int(filtered.of_update.sum()) == 15  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"new.csv: row 1: no rating column"):
        grown(tmp_path, new, old=rated, columns=columns, min_rating=3)


def test_a_users_last_event_with_an_item_may_replace_an_old_one(tmp_path: Path) -> None:
    new = Update(interactions=write(tmp_path / "new.csv", NEW))
    after = grown(tmp_path, new, duplicates="last", k_core=2, users=8)
    pairs = after.interactions.select("user", "item")
    assert pairs.is_unique().all()
    assert after.interactions.filter(user="u9").height == 5  # k-core and users leave updates alone


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        ([("u1", "i1")], "user,item", "new.csv: row 1: no time column among .* an update has the"),
        ([("u1", "i1", "2024-05-01")], "user,item,time", "column 'time': .* different units"),
        ([("u1", "i1", "soon")], "user,item,time", "new.csv: row 2, column 'time': 'soon'"),
        ([("u1", "", 3000)], "user,item,time", "new.csv: row 2, column 'item': the id is empty"),
    ],
)
def test_an_update_that_does_not_fit_says_where(
    rows: list[tuple], columns: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=told) as raised:
        grown(tmp_path, Update(interactions=write(tmp_path / "new.csv", rows, columns)))
    assert "\n" not in str(raised.value)
    assert "--time-column" not in str(raised.value)


def test_without_a_clock_an_update_follows_all_there_is(tmp_path: Path) -> None:
    old = [row[:2] for row in OLD]
    new = write(tmp_path / "new.csv", [row[:2] for row in NEW], "user,item")
    after = grown(tmp_path, Update(interactions=new), old=old, columns="user,item", time_column="-")
    assert not after.has_clock
    assert after.of_update is not None
    assert after.times[after.of_update].min() > after.times[~after.of_update].max()
    split = make_split(after, "update")
    assert len(split.test)


def test_items_of_domains_are_found_by_the_name_of_theirs(tmp_path: Path) -> None:
    for shop in ("books", "films"):
        write(tmp_path / f"{shop}.csv", OLD)
    domains = f"books={tmp_path}/books.csv,films={tmp_path}/films.csv"
    bare = Update(interactions=write(tmp_path / "new.csv", NEW))
    with pytest.raises(DataError, match=r"'i\d' is an item of several domains; write it as 'books"):
        load(DataConfig(domains=domains, updates=(bare,)))  # type: ignore[arg-type]
    rows = [(*row, "films") for row in NEW]
    told = Update(interactions=write(tmp_path / "told.csv", rows, "user,item,time,domain"))
    after = load(DataConfig(domains=domains, updates=(told,)))  # type: ignore[arg-type]
    assert len(after.catalogue) == 7 + 7 + 2
    assert after.catalogue.domains == ["books", "films"]
    assert after.catalogue.frame["domain"][-1] == "films"


def updated(raw: bytes) -> Dataset:
    """Four bytes an event: user, item, time, and whether it came with the update."""
    groups = zip(raw[::4], raw[1::4], raw[2::4], raw[3::4], strict=False)
    rows = [(f"u{u % 6}", f"i{i % 10}", t % 41 - 20, n % 2) for u, i, t, n in groups]
    frame = pl.DataFrame(
        rows,
        schema={"user": pl.String, "item": pl.String, "time": pl.Int64, "update": pl.Int32},
        orient="row",
    )
    items = frame["item"].unique().sort()
    return Dataset("drawn", Catalogue(pl.DataFrame({"item": items, "title": items})), frame)


SPREAD = bytes(value for n in range(40) for value in (n, 3 * n, 7 * n % 41, n // 2))


@given(st.binary(max_size=200).map(lambda raw: updated(SPREAD + raw)))
def test_targets_are_events_of_the_update_and_training_is_before_them(dataset: Dataset) -> None:
    try:
        split = make_split(dataset, "update")  # which checks for leaks
    except DataError:
        assume(False)
    train, validation, test = update_questions(dataset)
    asked = np.concatenate([part.next_items().places for part in (train, validation, test)])
    fresh = np.flatnonzero(dataset.of_update)
    known = np.arange(len(dataset.times)) > dataset.sequences.offsets[dataset.sequences.rows()]
    assert sorted(asked) == fresh[known[fresh]].tolist()
    times = [dataset.times[part.places] for part in (train, validation, test)]
    ends = [part.max(initial=-99) for part in times]
    starts = [part.min(initial=99) for part in times]
    assert ends[0] < starts[1]
    assert max(ends[:2]) < starts[2]
    assert split.train_times is not None
    assert split.train_times.max() < min(starts[1], starts[2])
    # Each tested user's target is the last test question about them.
    last = test.next_items()
    whose = dict(zip(dataset.sequences.rows()[last.places], last.items, strict=True))
    users = [dataset.users[row] for row in whose]
    assert dict(zip(split.test.histories.users, split.test.targets, strict=True)) == dict(
        zip(users, whose.values(), strict=True)
    )


def test_a_target_that_was_there_before_the_update_is_a_leak(tmp_path: Path) -> None:
    overlap = [("u0", "i0", 2044), ("u1", "i1", 2045)]
    dataset = grown(
        tmp_path, Update(interactions=write(tmp_path / "new.csv", NEW)), old=[*OLD, *overlap]
    )
    split = make_split(dataset, "update")
    assert {"u0", "u1"}.isdisjoint(split.test.histories.users)
    assert split.test.histories.users
    strange = make_split(dataset, "leave-one-out")
    with pytest.raises(LeakageError, match=r"target of 'u\d' was there before the update"):
        check_leakage(replace(strange, name="update"), dataset)


def test_data_without_an_update_and_updates_of_one_moment_say_the_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no update came to these data.*palate update RUN --with"):
        make_split(grown(tmp_path), "update")
    frozen = [(user, item, 3000) for user, item, _ in NEW]
    once = Update(interactions=write(tmp_path / "new.csv", frozen))
    with pytest.raises(DataError, match=r"30 events have 1 different times, .* a longer period"):
        make_split(grown(tmp_path, once), "update")


def test_days_are_cut_between_days(tmp_path: Path) -> None:
    days = [(f"u{n % 8}", f"i{n % 7}", 3000 + 100 * (n // 20)) for n in range(60)]
    dataset = grown(tmp_path, Update(interactions=write(tmp_path / "new.csv", days)))
    train, validation, test = update_questions(dataset)
    parts = [part.next_items() for part in (train, validation, test)]
    assert [np.unique(dataset.times[part.places]).tolist() for part in parts] == [
        [3000],
        [3100],
        [3200],
    ]
    assert [len(part) for part in parts] == [20, 20, 20]
