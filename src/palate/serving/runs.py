"""The runs that a server has, by name; a version is swapped for another without a pause.

To swap is to put another engine in the place of one. Requests that are under way hold the engine
that they began with, and the last of them lets go of it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from palate.errors import ConfigError, PalateError, RunError
from palate.experiments.lineage import stem_and_number
from palate.experiments.run import Run
from palate.serving.engine import Engine
from palate.serving.metrics import Metrics
from palate.serving.problems import Problem
from palate.serving.settings import ServingConfig
from palate.serving.store import Store, activations, items

NAME = re.compile(r"\w[\w.-]{0,99}")
STARTED = "server start"


class Runs:
    """Engines by name.

    Attributes:
        remarks: what a person should know who started the server.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        store: Store,
        settings: ServingConfig,
        metrics: Metrics,
    ) -> None:
        """Load the version of each name that was active last.

        Raises:
            RunError: a folder holds no run, or one that cannot be loaded.
        """
        self._folders = {name: folder.resolve() for name, folder in folders.items()}
        self._store, self._settings, self._metrics = store, settings, metrics
        self._engines: dict[str, Engine] = {}
        self._loading = threading.Lock()  # one version is loaded at a time
        self._failed: set[tuple[str, str]] = set()  # activated elsewhere, and not to be had here
        self._seen = 0  # change of items that engines have
        self.remarks: list[str] = []
        for name, folder in self._folders.items():
            self._put(name, self._first(name, folder))
        with store.reading() as connection:
            self._take_items(connection)

    @property
    def names(self) -> list[str]:
        """The names, the default first."""
        return list(self._engines)

    def get(self, name: str | None = None) -> Engine:
        """The engine of a name, or the first.

        Raises:
            Problem: no such run.
        """
        engine = self._engines.get(name or self.names[0])
        if engine is None:
            there = ", ".join(self.names)
            raise Problem(404, f"no run is called '{name}'; there are: {there}")
        return engine

    def all(self) -> list[Engine]:
        """All engines."""
        return list(self._engines.values())

    def versions(self, name: str) -> list[str]:
        """The folders beside the run of a name that hold a version of it, oldest first."""
        folder = self._folder(name)
        stem = stem_and_number(folder.name)[0]
        found = [
            path.parent.name
            for path in folder.parent.glob("*/metrics.json")
            if stem_and_number(path.parent.name)[0] == stem
        ]
        return sorted(found, key=lambda one: stem_and_number(one)[1])

    def folder_of(self, name: str, version: str) -> Path:
        """Where a version is kept.

        Raises:
            Problem: no such run or version.
        """
        there = self.versions(name)
        if version not in there:
            told = ", ".join(there) or "none"
            raise Problem(404, f"{name} has no version '{version[:100]}'; there are: {told}")
        return self._folder(name).parent / version

    def activate(self, name: str, version: str, actor: str, action: str = "activate") -> Engine:
        """Load a version and swap it in; nothing changes where it cannot be loaded.

        Raises:
            Problem: no such run or version.
            RunError: it cannot be loaded.
        """
        self.folder_of(name, version)
        with self._loading:
            try:
                engine = self._load(name, version)
            except PalateError as error:
                raise Problem(409, f"{error}; {self.get(name).version} stays active") from error
            activations.add(self._store, name, version, actor, action)
            self._put(name, engine)
        return engine

    def rollback(self, name: str, actor: str) -> Engine:
        """Swap in the version that was active before the one that is.

        Raises:
            Problem: there was none.
        """
        now = self.get(name).version
        before = [one for one in activations.history(self._store, name) if one != now]
        if not before:
            raise Problem(409, f"{name} was never another than {now}; there is no way back")
        return self.activate(name, before[-1], actor, "rollback")

    def follow(self, connection: Connection) -> None:
        """Take over what other servers on the store activated, and items that came.

        Raises:
            RunError: a version that was activated elsewhere cannot be loaded here.
        """
        for name, version in activations.current(connection).items():
            if name in self._engines and self._engines[name].version != version:
                self._follow(name)
        self._take_items(connection)

    def _follow(self, name: str) -> None:
        with self._loading:
            # Read again, now that nobody else swaps: what was read before may have been undone.
            with self._store.reading() as connection:
                version = activations.current(connection)[name]
            if self._engines[name].version == version or (name, version) in self._failed:
                return
            try:
                self._put(name, self._load(name, version))
            except PalateError:
                self._failed.add((name, version))
                raise

    def _take_items(self, connection: Connection) -> None:
        with self._loading:
            came = items.changed(connection, self._seen)
            if not came:
                return
            for name, engine in list(self._engines.items()):
                self._put(name, engine.with_items(came))
            self._seen = came[-1].changed

    def item_came(self) -> None:
        """An item was added or described anew, here: engines have it when this returns."""
        with self._store.reading() as connection:
            self._take_items(connection)

    def _first(self, name: str, folder: Path) -> Engine:
        """The version that was active last, if the folder that was named is one of its line."""
        history = activations.history(self._store, name)
        if history and history[-1] != folder.name and folder.name in history:
            try:
                engine = self._load(name, history[-1])
                self.remarks.append(
                    f"{name}: {history[-1]} was activated after {folder.name} and is served; to go "
                    f"back: POST /v1/runs/{name}/rollback"
                )
                return engine
            except RunError as error:
                self.remarks.append(f"{name}: {folder.name} is served, because {error}")
        engine = self._load(name, folder.name)
        if not history or history[-1] != folder.name:
            activations.add(self._store, name, folder.name, STARTED)
        return engine

    def _load(self, name: str, version: str) -> Engine:
        run = Run(self._folder(name).parent / version)
        engine = Engine.load(run, name, self._settings.index, self._settings.search)
        if self._seen:
            with self._store.reading() as connection:
                engine = engine.with_items(items.changed(connection))
        return engine

    def _put(self, name: str, engine: Engine) -> None:
        engine.observe(self._metrics.batch.observe)
        before = self._engines.get(name)
        if before is not None:
            self._metrics.runs.labels(name, before.version).set(0)
        self._metrics.runs.labels(name, engine.version).set(1)
        self._engines[name] = engine

    def _folder(self, name: str) -> Path:
        if name not in self._folders:
            self.get(name)  # raises
        return self._folders[name]


def named(arguments: list[str]) -> dict[str, Path]:
    """Folders by name, from ``RUN`` and ``NAME=RUN``.

    Raises:
        ConfigError: a name that cannot stand in an address, or stands twice.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or Path(argument).exists():
            name, path = stem_and_number(Path(argument).resolve().name)[0], argument
        if not NAME.fullmatch(name):
            raise ConfigError(f"'{name}' is no name for a run: letters, digits, . _ -")
        if name in found:
            raise ConfigError(f"two runs are called '{name}'; name one of them: NAME={path}")
        found[name] = Path(path)
    if not found:
        raise ConfigError("no run to serve; name a folder: palate serve runs/NAME")
    return found
