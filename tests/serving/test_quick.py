"""Where a list is made: where it is asked for, or in a thread; and by how many threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from palate.data.cases import Histories
from palate.experiments.run import Run
from palate.serving.engine import Engine
from palate.serving.threads import choose

from .conftest import Live


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_quick_run_answers_where_it_is_asked(live: Live, seconds: float) -> None:
    """Without waking a thread, unless that is the lesser part."""
    engine = live.service.runs.get()
    work, at = engine._scored._work, []

    def seen(histories: Histories) -> Any:
        at.append(threading.current_thread().name)
        return work(histories)

    engine._scored._work, engine.seconds = seen, seconds
    with live.client() as api:
        told = api.get("/v1/recommend", params={"user": "u1"})
        assert told.status_code == 200
        assert told.json() == api.post("/v1/recommend", json={"user": "u1"}).json()
    assert [name == "server" for name in at] == [seconds == 0.0] * 2


def test_who_would_wait_for_others_waits_in_a_thread(live: Live) -> None:
    engine = live.service.runs.get()
    work, begun, go_on = engine._scored._work, threading.Event(), threading.Event()

    def slow(histories: Histories) -> Any:
        begun.set()
        assert go_on.wait(10)
        return work(histories)

    engine._scored._work, engine.seconds = slow, 0.0
    other = threading.Thread(target=engine.score, args=[Histories.of([[0]])])
    other.start()
    assert begun.wait(10)
    with ThreadPoolExecutor() as pool, live.client() as api:
        asked = pool.submit(api.get, "/v1/recommend", params={"user": "u1"})
        assert live.client().get("/v1/health").status_code == 200  # nobody else is kept waiting
        assert not asked.done()
        go_on.set()
        assert asked.result().status_code == 200
    other.join()


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("seconds", "threads"),
    [({1: 0.001, 2: 0.0009}, 1), ({1: 0.003, 2: 0.0015}, 2), ({1: 0.02, 2: 0.02}, 2)],
)
def test_threads_are_as_many_as_answer_soonest(
    ease: Run, monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], threads: int
) -> None:
    engine = Engine.load(ease, "ease")
    monkeypatch.setattr(engine, "measure", lambda: seconds[torch.get_num_threads()])
    assert choose([engine]) == threads == torch.get_num_threads()
    assert choose([engine], 2) == 2 == torch.get_num_threads()
    assert choose([]) == 2


def test_an_engine_knows_how_long_it_takes(ease: Run) -> None:
    engine = Engine.load(ease, "ease")
    assert 0 < engine.seconds < 1
    assert engine.with_items([]).seconds == engine.seconds


def test_a_server_does_not_wait_for_what_training_needs() -> None:
    look = (
        "import sys, palate.serving.start, palate.recommenders.sasrec; "
        "print(*{'transformers', 'peft', 'accelerate', 'scipy.stats'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
