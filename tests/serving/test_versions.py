"""Versions are swapped under load, rolled back, and refused where they cannot answer."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from palate.errors import ConfigError, RunError
from palate.serving.runs import named

from .conftest import Serve


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def version_of(api: httpx.Client, **more: Any) -> str:
    told = api.get("/v1/recommend", params={"user": "u1", **more}).json()
    return str(told["run"]["version"])


@pytest.fixture
def second(runs: Path) -> Path:
    """``ease-v2``: popularity in disguise, so that who answers shows."""
    return Path(shutil.copytree(runs / "popularity", runs / "ease-v2"))


def test_a_swap_drops_no_request(serve: Serve, second: Path) -> None:
    with serve() as live:
        stop, failures, methods = threading.Event(), [], []

        def ask() -> None:
            client = live.client()
            while not stop.is_set():
                answer = client.get("/v1/recommend", params={"user": "u1", "k": 5})
                if answer.status_code != 200:
                    failures.append(answer.text)
                    continue
                told = answer.json()
                methods.append(told["run"]["method"])
                expected = {"ease": "ease", "ease-v2": "popularity"}
                if expected[told["run"]["version"]] != told["run"]["method"]:
                    failures.append(f"half swapped: {told['run']}")

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        api = live.client()
        for _ in range(3):
            told = api.post("/v1/runs/activate", json={"version": "ease-v2"})
            assert told.json() == {
                "run": {"name": "ease", "version": "ease-v2", "method": "popularity"},
                "before": "ease",
            }
            assert version_of(api) == "ease-v2"
            assert api.post("/v1/runs/rollback", json={}).json()["run"]["version"] == "ease"
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert {"ease", "popularity"} == set(methods)
        assert api.get("/v1/runs/ease").json()["activations"] == ["ease", "ease-v2"] * 3 + ["ease"]


def test_what_was_activated_is_served_after_a_restart(serve: Serve, second: Path) -> None:
    with serve() as live:
        live.client().post("/v1/runs/activate", json={"version": "ease-v2"})
    with serve() as live:
        assert version_of(live.client()) == "ease-v2"
        assert "ease-v2 was activated after ease" in live.service.runs.remarks[0]
    shutil.rmtree(second)
    with serve() as live:
        assert version_of(live.client()) == "ease"
        assert "ease is served, because" in live.service.runs.remarks[0]


def test_servers_on_one_store_follow_each_other(serve: Serve, second: Path) -> None:
    with serve() as one, serve() as other:
        here, there = one.client(), other.client()
        here.post("/v1/runs/activate", json={"version": "ease-v2"})
        until(lambda: version_of(there) == "ease-v2")
        event = {"user": "ann", "item": "7", "kind": "like"}
        here.post("/v1/events", json={"events": [event]})
        assert there.get("/v1/users/ann").json()["history"][0]["item"] == "7"
        here.put("/v1/items/7", json={"title": "Renamed (1977)"})
        until(lambda: "Renamed" in there.get("/v1/items/7").json()["title"])
        assert there.delete("/v1/users/u1").status_code == 200
        assert here.get("/v1/users/u1").json()["known"] is False


def test_writers_on_two_servers_lose_nothing(serve: Serve) -> None:
    with serve() as one, serve() as other:

        def write(client: httpx.Client, name: str) -> None:
            for n in range(20):
                event = {"user": name, "item": str(n), "kind": "like"}
                assert client.post("/v1/events", json={"events": [event]}).status_code == 201

        clients = [live.client() for live in (one, other) * 2]
        threads = [
            threading.Thread(target=write, args=(client, f"writer{n}"))
            for n, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for n in range(4):
            told = clients[0].get(f"/v1/users/writer{n}/export").json()["store"]["events"]
            assert [one["item"] for one in told] == [str(i) for i in range(20)]


def corrupt_model(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def corrupt_catalogue(folder: Path) -> None:
    (folder / "catalogue.parquet").write_bytes(b"PAR1 and no more")


def no_histories(folder: Path) -> None:
    (folder / "histories.parquet").unlink()


def corrupt_config(folder: Path) -> None:
    (folder / "config.yaml").write_text("method: [")


def unknown_method(folder: Path) -> None:
    (folder / "config.yaml").write_text("method: none-such\nsettings: {}\ndata: {data: x}\nseed: 0")


@pytest.mark.parametrize(
    "corrupt", [corrupt_model, corrupt_catalogue, no_histories, corrupt_config, unknown_method]
)
def test_a_corrupt_version_is_refused_and_the_old_one_stays(
    serve: Serve, second: Path, corrupt: Callable[[Path], None]
) -> None:
    corrupt(second)
    with serve() as live:
        api = live.client()
        answer = api.post("/v1/runs/activate", json={"version": "ease-v2"})
        assert answer.status_code == 409, answer.text
        assert answer.json()["detail"].endswith("ease stays active")
        assert "Traceback" not in answer.text
        assert version_of(api) == "ease"
    with pytest.raises(RunError), serve("ease-v2"):
        pass


def test_a_version_that_is_worse_is_refused_unless_one_insists(serve: Serve, second: Path) -> None:
    beside = {"old": 0.2, "new": 0.1, "difference": -0.1, "p": 0.001, "cases": 300}
    record = {"from": "x", "versions": {"ndcg@10": beside}}
    (second / "update.json").write_text(json.dumps(record))
    with serve() as live:
        api = live.client()
        answer = api.post("/v1/runs/activate", json={"version": "ease-v2"})
        assert answer.status_code == 409
        assert "ndcg@10 0.2000 before, 0.1000 now" in answer.json()["detail"]
        assert version_of(api) == "ease"
        asked = {"version": "ease-v2", "force": True}
        assert api.post("/v1/runs/activate", json=asked).status_code == 200
        assert version_of(api) == "ease-v2"


@pytest.mark.parametrize("version", ["popularity", "../runs/ease-v2", "/etc", ".", "ease-v9"])
def test_only_versions_of_the_run_can_be_activated(
    serve: Serve, second: Path, version: str
) -> None:
    with serve() as live:
        answer = live.client().post("/v1/runs/activate", json={"version": version})
        assert answer.status_code == 404
        assert "there are: ease, ease-v2" in answer.json()["detail"]


def test_several_runs_answer_by_name(serve: Serve) -> None:
    with serve("ease", "popularity") as live:
        api = live.client()
        assert version_of(api) == "ease"
        assert version_of(api, run="popularity") == "popularity"
        assert [one["name"] for one in api.get("/v1/runs").json()["runs"]] == ["ease", "popularity"]
        assert "never another" in api.post("/v1/runs/rollback", json={}).json()["detail"]


def test_names_come_from_folders_or_are_given(tmp_path: Path) -> None:
    assert named(["runs/shop-v3", "b=runs/other"]) == {
        "shop": Path("runs/shop-v3"),
        "b": Path("runs/other"),
    }
    with pytest.raises(ConfigError, match="NAME="):
        named(["runs/shop", "elsewhere/shop-v2"])
    with pytest.raises(ConfigError, match="no name for a run"):
        named(["a b=runs/x"])
