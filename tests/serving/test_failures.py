"""Power cuts, full disks and databases that go away: what was acknowledged is never lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import func, select

from palate.experiments.run import Run
from palate.serving.store import Store, events
from palate.serving.store.events import Happened
from palate.serving.store.models import Event

from .conftest import START, PalateServe, PalateStarted, Postgres, Serve

ROUNDS = int(os.environ.get("PALATE_KILLS", "5"))  # of each kind; a hundred take minutes


def write_until_it_dies(address: str, name: str, acknowledged: list[str]) -> None:
    with httpx.Client(base_url=address, timeout=10) as client:
        for n in range(10_000):
            user = f"{name}-{n}"
            event = {"user": user, "item": str(n % 40), "kind": "like"}
            try:
                answer = client.post(
                    "/v1/events",
                    json={"events": [event, event]},
                    headers={"Idempotency-Key": user},
                )
            except httpx.HTTPError:
                return
            if answer.status_code == 201:
                acknowledged.append(user)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    runs: Path,
    tmp_path: Path,
    kind: str,
    palate_serve: PalateServe,
    request: pytest.FixtureRequest,
) -> None:
    store = str(tmp_path / "store.sqlite")
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        store = server.database()
    acknowledged: list[str] = []
    chance = random.Random(0)
    for number in range(ROUNDS):
        with palate_serve(runs / "ease", "--store", store) as process:
            writers = [
                threading.Thread(
                    target=write_until_it_dies,
                    args=(process.address, f"{number}-{w}", acknowledged),
                )
                for w in range(4)
            ]
            before = len(acknowledged)
            for writer in writers:
                writer.start()
            while len(acknowledged) == before:
                assert process.alive
                time.sleep(0.005)
            time.sleep(chance.random())
            process.kill()
            for writer in writers:
                writer.join()
    opened = Store(store)
    with opened.reading() as connection:
        counted = select(Event.user, func.count()).group_by(Event.user)
        kept = {row[0]: row[1] for row in connection.execute(counted)}
    opened.close()
    assert set(acknowledged) <= set(kept)
    assert set(kept.values()) == {2}  # whole, and once
    event = {"user": acknowledged[0], "item": "0", "kind": "like"}
    with palate_serve(runs / "ease", "--store", store) as process:
        again = httpx.post(  # who heard no answer sends it again, and nothing doubles
            f"{process.address}/v1/events",
            json={"events": [event, event]},
            headers={"Idempotency-Key": acknowledged[0]},
        )
        assert again.json() == {"written": 2, "repeated": True}
    if kind == "sqlite":
        with sqlite3.connect(store) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        plain.close()


def test_a_server_that_is_killed_while_it_swaps_serves_one_version(
    runs: Path, tmp_path: Path, palate_serve: PalateServe
) -> None:
    shutil.copytree(runs / "popularity", runs / "ease-v2")
    store = str(tmp_path / "store.sqlite")
    chance = random.Random(1)
    for number in range(ROUNDS):
        with palate_serve(runs / "ease", "--store", store) as process:
            version = ("ease-v2", "ease")[number % 2]

            def swap(address: str = process.address, version: str = version) -> None:
                with suppress(httpx.HTTPError):
                    httpx.post(f"{address}/v1/runs/activate", json={"version": version})

            thread = threading.Thread(target=swap)
            thread.start()
            time.sleep(chance.random() * 0.2)
            process.kill()
            thread.join()
    with palate_serve(runs / "ease", "--store", store) as process:
        told = httpx.get(f"{process.address}/v1/recommend", params={"user": "u1"}).json()
        assert told["run"]["version"] in ("ease", "ease-v2")


def test_an_update_that_is_killed_leaves_whole_versions_and_no_rows(
    runs: Path, tmp_path: Path, palate_started: PalateStarted
) -> None:
    store = str(tmp_path / "store.sqlite")
    came = [
        Happened(f"new{n % 20}", str(n % 40), "like", None, (START + 10**6 + n) * 10**6)
        for n in range(160)
    ]
    opened = Store(store)
    events.add(opened, came)
    opened.close()
    old, new, exports = (runs / name for name in ("ease", "ease-v2", "ease.from-store"))
    before = {path.name: path.read_bytes() for path in old.iterdir()}

    def update(most: float = 120) -> float:
        begun = time.monotonic()
        process, _ = palate_started("update", old, "--from-store", "--store", store)
        while process.alive and time.monotonic() - begun < most:
            time.sleep(0.01)
        process.kill()
        return time.monotonic() - begun

    def whole() -> None:
        assert len(Run(new).dataset().interactions) == 60 * 12 + 160
        assert Run(new).recommender().score(Run(new).histories().take(np.arange(1))).any()
        for folder in (new, exports):
            shutil.rmtree(folder)

    takes = update()
    whole()
    chance = random.Random(2)
    for _ in range(ROUNDS):
        update(chance.random() * takes)
        if new.exists():
            whole()
        assert before == {path.name: path.read_bytes() for path in old.iterdir()}
    update()
    # What the killed ones wrote is gone: one export, that of the version that came to be.
    assert len(list(exports.iterdir())) == 1
    assert not list(runs.glob(".ease.*"))
    whole()
    with sqlite3.connect(store) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert plain.execute("SELECT count(*) FROM events").fetchone() == (160,)
    plain.close()


def test_a_full_disk_is_told_and_lists_go_on(
    runs: Path, tmp_path: Path, palate_serve: PalateServe
) -> None:
    """No file of the server may grow beyond a size: its store is full after some events."""
    full = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))"
    store = tmp_path / "store.sqlite"
    Store(str(store)).close()
    with (
        palate_serve(runs / "ease", "--store", store, before=full) as process,
        httpx.Client(base_url=process.address, timeout=30) as client,
    ):
        written = 0
        for n in range(200):
            event = {"user": f"user{n}", "item": "1", "kind": "like"}
            answer = client.post("/v1/events", json={"events": [event] * 100})
            if answer.status_code != 201:
                break
            written += 100
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "store of events cannot be used" in answer.json()["detail"]
        assert written
        told = client.get("/v1/recommend", params={"user": "u1"})
        assert told.status_code == 200
        assert len(told.json()["items"]) == 10
    with sqlite3.connect(store) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (written,)
    connection.close()


def test_a_database_that_goes_away_and_comes_back(serve: Serve, postgres: Postgres) -> None:
    with serve(store=postgres.database()) as live:
        api = live.client()
        event = {"events": [{"user": "u1", "item": "7", "kind": "like"}]}
        assert api.post("/v1/events", json=event).status_code == 201
        api.delete("/v1/users/u2")
        assert api.get("/v1/recommend", params={"user": "u1"}).json()["history"] == 13
        postgres.stop()
        try:
            answer = api.post("/v1/events", json=event)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            told = api.get("/v1/recommend", params={"user": "u1"}).json()
            assert told["history"] == 12
            assert "store of events cannot be read now" in told["notes"][0]
            # Who asked to be forgotten stays forgotten.
            assert api.get("/v1/recommend", params={"user": "u2"}).json()["history"] == 0
            assert api.get("/v1/health").status_code == 200
            end = time.monotonic() + 20
            while api.get("/v1/ready").status_code != 503:
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            postgres.start()
        end = time.monotonic() + 20
        while api.get("/v1/ready").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert api.post("/v1/events", json=event).status_code == 201
        assert api.get("/v1/recommend", params={"user": "u1"}).json()["history"] == 14
