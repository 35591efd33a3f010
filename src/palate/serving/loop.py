"""The loop: what people did becomes the next version, which is checked before it answers.

``python -m palate.serving.loop`` reads a job (one line of JSON) from standard input, updates
on its schedule, and stops when standard input closes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from palate.errors import ConfigError, DataError, PalateError
from palate.experiments.run import Run
from palate.experiments.update import update
from palate.experiments.update_plan import Plan, plan, record
from palate.experiments.versions import VERSION
from palate.serving.engine import STORE, learned_until
from palate.serving.store import Store, activations, audit
from palate.serving.store.database import now
from palate.serving.store.export import Exported, export
from palate.serving.store.models import Fact
from palate.serving.verdict import Verdict, verdict

SCHEDULE = "schedule"  # who activates what the schedule made
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LEASE = 6 * 3600 * 10**6  # microseconds after which an update that never ended is given up


@dataclass(frozen=True)
class Made:
    """A version that was made from the store.

    Attributes:
        verdict: whether it may take the place of the one before.
    """

    run: Run
    verdict: Verdict


def update_from_store(
    run: Run,
    store: Store,
    strategy: str | None = None,
    folder: Path | None = None,
    progress: bool = False,
) -> Made:
    """Train the next version of a run on what the store collected since.

    The events are kept as files in ``NAME.from-store/`` beside the run, where later updates read
    them again. Who asked to be forgotten is in none of the data of the new version.

    Raises:
        DataError: nothing new came, or too little to learn, choose and test.
        RunError, ConfigError: as :func:`palate.experiments.update.update`.
        StoreError: the store cannot be read.
    """
    exported, place = _exported(run, store)
    try:
        told = {"event": exported.event, "events": exported.events, "place": store.place}
        new = update(
            run, exported.update, None, strategy, folder, progress=progress, about={STORE: told}
        )
    except BaseException:
        _removed(place)
        raise
    made = record(new)
    assert made is not None
    return Made(new, verdict(made["versions"]))


def plan_from_store(run: Run, store: Store, strategy: str | None = None) -> Plan:
    """What :func:`update_from_store` would do; nothing stays written."""
    exported, place = _exported(run, store)
    try:
        return plan(run, exported.update, None, strategy)
    finally:
        _removed(place)


def _exported(run: Run, store: Store) -> tuple[Exported, Path]:
    folder = run.folder.resolve()
    found = VERSION.fullmatch(folder.name)
    kept = folder.with_name(f"{found[1] if found else folder.name}.from-store")
    place = kept / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return export(store, run.dataset(), learned_until(run), place), place


def _removed(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    if place.parent.is_dir() and not any(place.parent.iterdir()):
        place.parent.rmdir()


def seconds(text: str) -> int:
    """``30m`` as seconds.

    Raises:
        ConfigError: it is no time.
    """
    found = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if found is None or not int(found[1]):
        raise ConfigError(f"'{text}' is no time between updates; write 30m, 12h, 1d or 1w")
    return int(found[1]) * SECONDS[found[2]]


class Schedule:
    """Updates in a process of its own, as long as this one lives."""

    def __init__(self, every: str, folders: Mapping[str, Path], store: str) -> None:
        """
        Args:
            every: time between updates, as ``1d``.
            folders: of the runs, by name.

        Raises:
            ConfigError: *every* is no time.
        """
        self._job = {
            "seconds": seconds(every),
            "folders": {name: str(folder.resolve()) for name, folder in folders.items()},
            "store": store if "://" in store else str(Path(store).expanduser().resolve()),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, _: str = "") -> None:
        """Begin; the first update comes after the first span of time."""
        # -P: a file in the current folder must not stand in for a module of the same name.
        command = [sys.executable, "-P", "-m", "palate.serving.loop"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._job).encode() + b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Let the process end; an update under way is given up and leaves nothing."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def turn(store: Store, folders: Mapping[str, Path]) -> list[str]:
    """Update every run once, and activate what is good; what happened, a line for each."""
    return [_turn(store, name, folder) for name, folder in folders.items()]


def _turn(store: Store, name: str, folder: Path) -> str:
    if not _leased(store, name):
        return f"{name}: another server is updating it"
    try:
        with store.reading() as connection:
            version = activations.current(connection).get(name, folder.name)
        made = update_from_store(Run(folder.with_name(version)), store)
    except DataError as error:
        return f"{name}: nothing to learn yet: {error}"
    except PalateError as error:
        return f"{name}: the update failed: {error}"
    finally:
        _returned(store, name)
    fresh = made.run.folder.name
    if not made.verdict.good:
        with store.writing() as connection:
            audit.write(connection, SCHEDULE, "refuse", f"{name}: {fresh}")
        return f"{name}: {fresh} is not activated: {made.verdict.why}"
    activations.add(store, name, fresh, SCHEDULE)
    return f"{name}: {fresh} is activated: {made.verdict.why}"


def _leased(store: Store, name: str) -> bool:
    """Whether the update of a run is ours to make; servers on one store make one at a time."""
    with store.writing() as connection:
        held = connection.scalar(select(Fact.value).where(Fact.name == _lease(name)))
        if held is not None and int(held) > now():
            return False
        row = {"name": _lease(name), "value": str(now() + LEASE)}
        insert = store.insert(Fact).values(row)
        again = {"value": row["value"]}
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=again))
    return True


def _returned(store: Store, name: str) -> None:
    with store.writing() as connection:
        connection.execute(Fact.__table__.delete().where(Fact.name == _lease(name)))  # type: ignore[attr-defined]


def _lease(name: str) -> str:
    return f"update of {name}"


def main() -> None:
    """Update on the schedule of the job on standard input."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folders = {name: Path(folder) for name, folder in job["folders"].items()}
    store = Store(job["store"], connections=2)
    while True:
        time.sleep(job["seconds"])
        try:
            for line in turn(store, folders):
                print(f"update: {line}", file=sys.stderr, flush=True)
        except PalateError as error:  # the store may be back next time
            print(f"update: {error}", file=sys.stderr, flush=True)


def _end_with_parent() -> None:
    """Stop when the server is gone."""
    sys.stdin.read()  # returns when the other end of the pipe closes
    os._exit(0)


if __name__ == "__main__":
    main()
