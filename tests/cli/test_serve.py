"""``palate serve`` and ``palate keys`` as they are typed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from palate.serving import keys
from palate.serving.store import Store

SERVE = [sys.executable, "-c", "from palate.cli import main; main()", "serve"]


def test_a_run_is_served_and_ends_in_order(trained: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    command = [*SERVE, f"shop={trained}", "--port", "0", "--store", str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(4)]
        assert re.match(r"serving shop: ease \(ease\), 1,682 items, 150 users\n", told[0])
        assert told[1] == f"store   sqlite:///{store}\n"
        address = told[3].split()[1].removesuffix("/docs")
        assert told[2] == f"page    {address}/\n"
        answer = httpx.get(f"{address}/v1/recommend", params={"user": "1", "k": 3}, timeout=30)
        assert len(answer.json()["items"]) == 3
        # Nothing is loaded that a classical run does not need.
        loaded = Path(f"/proc/{process.pid}/maps")
        assert not loaded.exists() or "tokenizers" not in loaded.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in (0, 130)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "no such folder"),
        (["{run}", "--store", "mysql://x/y"], "is no store"),
        (["{run}", "--keys", "none"], "--keys"),
        (["{run}", "--index", "fast"], "--index"),
        (["{run}", "--index", "hnsw"], "--index hnsw: ease does not score by a product"),
        (["{run}", "--update-every", "soon"], "write 30m, 12h, 1d"),
        (["{run}", "a={run}", "a={run}"], "two runs are called 'a'"),
        (["{run}", "--words-model", "x"], "--words-model"),
    ],
)
def test_what_cannot_be_served_says_the_mend(
    palate, trained: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    typed = [word.format(run=trained) for word in words]
    if "--store" not in typed:
        typed += ["--store", str(tmp_path / "store.sqlite")]
    answer = palate("serve", *typed, "--port", "0")
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_port_that_is_taken_says_so(palate, trained: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = palate("serve", trained, "--port", port, "--store", tmp_path / "s.sqlite")
    assert answer.code == 2
    assert "is another server running?" in answer.err


def test_keys_are_made_listed_and_revoked(palate, tmp_path: Path) -> None:
    os.makedirs("runs")
    made = palate("keys", "add", "shop", "--role", "write")
    key = made.out.strip()
    assert "cannot be shown again" in made.err
    caller = keys.Keys(Store("runs/store.sqlite")).caller(f"Bearer {key}")
    assert caller is not None
    assert caller.role == "write"
    (listed,) = json.loads(palate("keys", "ls", "--json").out)
    assert (listed["name"], listed["role"], listed["revoked"]) == ("shop", "write", None)
    assert key.rpartition("_")[2] not in palate("keys", "ls").out
    assert palate("keys", "revoke", listed["id"]).code == 0
    assert keys.Keys(Store("runs/store.sqlite")).caller(f"Bearer {key}") is None
    assert "no key" in palate("keys", "revoke", listed["id"]).err
    assert "there are read, write, admin" in palate("keys", "add", "x", "--role", "all").err
    assert "there is no store" in palate("keys", "ls", "--store", "none.sqlite").err
