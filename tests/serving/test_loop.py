"""The loop: events become the next version, which is checked; who was deleted is in none of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.data.load import DataConfig
from palate.errors import ConfigError, DataError
from palate.experiments.lineage import record
from palate.experiments.run import Run
from palate.experiments.train import train
from palate.serving.loop import plan_from_store, turn, update_from_store
from palate.serving.schedule import Schedule, seconds
from palate.serving.store import Store, activations, audit, events, items, users
from palate.serving.store.events import Happened
from palate.serving.trained import learned_until
from palate.serving.verdict import of_version, verdict

from .conftest import FILMS, START, Serve, clicks, films

LATER = START + 10**6


def came(store: Store, people: range, count: int = 8, start: int = LATER, odd: int = 0) -> None:
    """Each likes films of one parity; *odd* 1 turns the tastes round."""
    rows, clock = [], start
    for n in range(count):
        for user in people:
            item = (user + odd) % 2 + 2 * ((7 * n + 3 * user) % (FILMS // 2))
            clock += 1
            rows.append(Happened(f"u{user}", str(item), "like", None, clock * 10**6))
    events.add(store, rows)


def test_what_came_is_learned_once(ease: Run, store: Store) -> None:
    came(store, range(50, 70))
    came(store, range(3), count=1)
    events.add(store, [Happened("u61", "1", "skip", None, LATER * 10**6)])
    planned = plan_from_store(ease, store).told()
    assert planned["new"] == {"events": 163, "users": 10, "items": 0, "late": 0}
    assert sorted(path.name for path in ease.folder.parent.iterdir()) == ["ease", "popularity"]
    made = update_from_store(ease, store)
    assert made.run.folder.name == "ease-v2"
    assert learned_until(made.run) == 164
    told = record(made.run)
    assert told is not None
    assert told["store"]["events"] == 163
    frame = made.run.dataset().interactions
    assert len(frame) == 60 * 12 + 163
    assert int(frame["time"].max()) == LATER + 160  # in the data's own unit
    with pytest.raises(DataError, match="nothing came after event 164"):
        update_from_store(made.run, store)
    came(store, range(10, 30), start=LATER + 10**5)
    third = update_from_store(made.run, store)
    assert third.run.folder.name == "ease-v3"
    assert len(third.run.dataset().interactions) == 60 * 12 + 163 + 160


def test_who_was_deleted_is_in_nothing_of_the_next_version(ease: Run, store: Store) -> None:
    came(store, range(50, 70))
    users.deleted(store, "u3", "tests")  # of the first data
    users.deleted(store, "u65", "tests")  # of the store alone
    users.deleted(store, "u55", "tests")  # of both; comes back
    came(store, range(55, 56), start=LATER + 10**5)
    made = update_from_store(ease, store)
    frame = made.run.dataset().interactions
    assert not {"u3", "u65"} & set(frame["user"])
    assert frame.filter(pl.col("user") == "u55")["time"].min() > LATER + 10**5
    assert len(frame.filter(pl.col("user") == "u55")) == 8
    for path in [
        *made.run.folder.rglob("*.parquet"),
        *(ease.folder.parent).glob("*.from-store/*/*"),
    ]:
        if path.suffix == ".parquet":
            table = pl.read_parquet(path)
            if "user" in table.columns:
                assert not {"u3", "u65"} & set(table["user"]), path
        else:
            assert "u3\n" not in path.read_text()
    untouched = ease.dataset().interactions
    assert "u3" in set(untouched["user"])  # the old version is as it was


def test_added_items_are_learned_with_their_titles(ease: Run, store: Store) -> None:
    items.put(store, "new", "A new film (2026)", {"genres": ["Comedy", "Drama"], "x": 1}, "tests")
    items.put(store, "7", "Renamed", {}, "tests")
    came(store, range(50, 70))
    fresh = [Happened(f"u{n}", "new", "buy", None, (LATER + 500 + n) * 10**6) for n in range(9)]
    events.add(store, fresh)
    made = update_from_store(ease, store)
    catalogue = made.run.catalogue()
    assert len(catalogue) == FILMS + 1
    assert catalogue.frame.row(FILMS, named=True) == {
        "item": "new", "title": "A new film (2026)", "genres": "Comedy, Drama", "year": None
    }  # fmt: skip


def test_ratings_are_on_the_scale_of_the_data(store: Store, tmp_path: Path) -> None:
    path = clicks(tmp_path / "clicks.csv")
    rated = pl.read_csv(path).with_columns(rating=pl.col("item") % 5 + 1)
    rated.with_columns(time=pl.col("time") * 1000).write_csv(path)
    data = DataConfig(interactions=path, items=films(tmp_path / "films.csv"))
    run = train("ease", {}, data, folder=tmp_path / "rated" / "shop")
    came(store, range(50, 70))
    last = (LATER + 900) * 10**6
    kinds = [("dislike", None), ("skip", None), ("view", None), ("rate", 3.0), ("buy", None)]
    events.add(store, [Happened("x", str(n), *kind, last + n) for n, kind in enumerate(kinds)])
    made = update_from_store(run, store)
    mine = made.run.dataset().interactions.filter(pl.col("user") == "x")
    assert mine.select("item", "rating").rows() == [("0", 1.0), ("2", None), ("3", 3.0), ("4", 5.0)]
    assert mine["time"].min() == (LATER + 900) * 1000  # milliseconds


def test_an_update_that_fails_leaves_nothing(ease: Run, store: Store) -> None:
    events.add(store, [Happened("u1", "3", "like", None, LATER * 10**6)])
    with pytest.raises(DataError):
        update_from_store(ease, store)
    assert sorted(path.name for path in ease.folder.parent.iterdir()) == ["ease", "popularity"]


def test_data_without_real_times_say_the_mend(store: Store, tmp_path: Path) -> None:
    path = clicks(tmp_path / "clicks.csv", start=0)
    data = DataConfig(interactions=path, items=films(tmp_path / "films.csv"))
    run = train("popularity", {}, data, folder=tmp_path / "runs" / "shop")
    came(store, range(5))
    with pytest.raises(DataError, match="write the data's times in seconds"):
        update_from_store(run, store)


def beside(old: float, new: float, p: float) -> dict[str, Any]:
    return {"ndcg@10": {"old": old, "new": new, "p": p, "cases": 50}}


@pytest.mark.parametrize(
    ("old", "new", "p", "good"),
    [
        (0.10, 0.12, 0.50, True),
        (0.10, 0.10, 1.00, True),
        (0.10, 0.095, 0.40, True),  # less, but by chance
        (0.10, 0.095, 0.01, False),  # surely less
        (0.10, 0.05, 0.40, False),  # far less
        (0.0, 0.0, 1.0, True),
    ],
)
def test_a_version_that_is_worse_is_told_apart(
    old: float, new: float, p: float, good: bool
) -> None:
    assert verdict(beside(old, new, p)).good is good


def test_the_schedule_activates_what_is_good(ease: Run, store: Store) -> None:
    came(store, range(50, 70))
    (line,) = turn(store, {"shop": ease.folder})
    assert line.startswith("shop: ease-v2 is activated")
    with store.reading() as connection:
        assert activations.current(connection) == {"shop": "ease-v2"}
    (line,) = turn(store, {"shop": ease.folder})
    assert "nothing to learn yet" in line


def test_the_schedule_does_not_activate_what_is_worse(store: Store, tmp_path: Path) -> None:
    """People love ten films. Machines click ten others, and the next version learns it from them;
    it is judged by what people did last."""
    chance = np.random.default_rng(0)
    loved = [chance.permutation(10).tolist() for _ in range(60)]
    rows = [(f"u{user}", item) for user in range(60) for item in loved[user][:6]]
    told = [f"{user},{item},{START + n}" for n, (user, item) in enumerate(rows)]
    path = tmp_path / "clicks.csv"
    path.write_text("\n".join(["user,item,time", *told]))
    data = DataConfig(interactions=path, items=films(tmp_path / "films.csv"))
    run = train("popularity", {}, data, folder=tmp_path / "runs" / "shop")
    late = [(f"bot{bot}", 30 + n) for n in range(10) for bot in range(100)]
    late += [(f"u{user}", loved[user][n]) for n in (6, 7) for user in range(60)]
    clock = LATER * 10**6
    events.add(
        store,
        [Happened(u, str(i), "view", None, clock + n * 10**6) for n, (u, i) in enumerate(late)],
    )
    (line,) = turn(store, {"shop": run.folder})
    assert "shop-v2 is not activated: worse than the version before" in line
    found = of_version(run.folder.with_name("shop-v2"))
    assert found is not None
    assert found.good is False
    with store.reading() as connection:
        assert activations.current(connection) == {}
    assert audit.read(store)[0][2] == "refuse"


def test_two_schedules_make_one_update(ease: Run, store: Store) -> None:
    from palate.serving.loop import _leased, _returned

    came(store, range(50, 70))
    assert _leased(store, "shop")
    assert turn(store, {"shop": ease.folder}) == ["shop: another server is updating it"]
    _returned(store, "shop")
    assert "is activated" in turn(store, {"shop": ease.folder})[0]


@pytest.mark.parametrize(("text", "found"), [("30m", 1800), ("1d", 86_400), (" 2w ", 1_209_600)])
def test_times_between_updates(text: str, found: int) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "1", "d", "0h", "1y", "-1d"])
def test_no_time_says_the_mend(text: str) -> None:
    with pytest.raises(ConfigError, match="1d"):
        seconds(text)


def test_the_loop_closes_while_the_server_answers(
    runs: Path, serve: Serve, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Events over HTTP, an update in a process of its own, and the swap, all by themselves."""
    place = str(tmp_path / "store.sqlite")
    with serve(store=place) as live:
        api = live.client()
        came(live.service.store, range(50, 70))
        told = api.get("/v1/users/u69").json()
        assert len(told["history"]) == 8
        schedule = Schedule("1s", {"ease": runs / "ease"}, place)
        schedule.start()
        try:
            end = time.monotonic() + 300
            while api.get("/v1/ready").json()["runs"] != {"ease": "ease-v2"}:
                assert time.monotonic() < end
                time.sleep(0.1)
        finally:
            schedule.stop()
        after = api.get("/v1/users/u69").json()
        assert after["run"]["version"] == "ease-v2"
        assert sorted(o["item"] for o in after["history"]) == sorted(
            o["item"] for o in told["history"]
        )  # not twice: of the run, and of the store
        update = api.get("/v1/runs/ease").json()["update"]
        assert update["store"]["events"] == 160
    assert "ease-v2 is activated" in capfd.readouterr().err


def test_the_command_line_updates_from_the_store(
    ease: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from palate.cli import main

    def palate(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["palate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    folder = str(ease.folder)
    code, _, err = palate("update", folder, "--from-store")
    assert code == 2
    assert "there is no store" in err
    code, _, err = palate("update", folder)
    assert (code, "either --with FILE or --from-store" in err) == (2, True)
    opened = Store(str(ease.folder.parent / "store.sqlite"))  # where a server keeps it
    came(opened, range(50, 70))
    opened.close()
    code, out, _ = palate("update", folder, "--from-store", "--dry-run")
    assert "160 events" in out
    code, out, _ = palate("update", folder, "--from-store", "--json")
    told = json.loads(out)
    assert (code, Path(told["run"]).name, told["verdict"]["good"]) == (0, "ease-v2", True)
