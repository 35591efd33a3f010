"""The loop: what people did becomes the next version, which is checked before it answers.

``python -m palate.serving.loop`` reads a job (one line of JSON) from standard input, updates
on its schedule, and stops when standard input closes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import select

from palate.errors import DataError, PalateError
from palate.experiments.lineage import record, stem_and_number
from palate.experiments.run import Run
from palate.experiments.update import update
from palate.experiments.update_plan import Plan, plan
from palate.serving.store import Store, activations, audit
from palate.serving.store.database import now
from palate.serving.store.export import Exported, export
from palate.serving.store.models import Fact
from palate.serving.trained import STORE, learned_until
from palate.serving.verdict import Verdict, verdict

SCHEDULE = "schedule"  # who activates what the schedule made
MAKING = ".making"
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
    with _exported(run, store) as (exported, keep):
        told = {"event": exported.event, "events": exported.events, "place": store.place}
        new = update(
            run, exported.update, None, strategy, folder, progress=progress, about={STORE: told}
        )
        keep()
    made = record(new)
    assert made is not None
    return Made(new, verdict(made["versions"]))


def plan_from_store(run: Run, store: Store, strategy: str | None = None) -> Plan:
    """What :func:`update_from_store` would do; nothing stays written."""
    with _exported(run, store) as (exported, _):
        return plan(run, exported.update, None, strategy)


@contextmanager
def _exported(run: Run, store: Store) -> Iterator[tuple[Exported, Callable[[], None]]]:
    """What came, as files that are gone in the end, unless they are said to be kept.

    A file beside them names the process that writes them, so that those of a process that was
    killed are cleared: they hold what people did.
    """
    folder = run.folder.resolve()
    kept = folder.with_name(f"{stem_and_number(folder.name)[0]}.from-store")
    for left in kept.glob(f".*{MAKING}"):
        stamp, _, process = left.name.removesuffix(MAKING)[1:].rpartition(".")
        if not psutil.pid_exists(int(process)):
            shutil.rmtree(kept / stamp, ignore_errors=True)
            left.unlink(missing_ok=True)
    place = kept / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    kept.mkdir(exist_ok=True)
    making = kept / f".{place.name}.{os.getpid()}{MAKING}"
    making.touch()
    try:
        yield export(store, run.dataset(), learned_until(run), place), making.unlink
    finally:
        if making.exists():
            shutil.rmtree(place, ignore_errors=True)
            making.unlink()
        if not any(kept.iterdir()):
            kept.rmdir()


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
