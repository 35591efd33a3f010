"""All that a server has, in one place; requests reach it through ``request.app.state.service``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from palate.errors import PalateError, StoreError
from palate.experiments.chat import PLAIN
from palate.serving.engine import Engine
from palate.serving.keys import Keys
from palate.serving.limits import Rate
from palate.serving.metrics import Metrics
from palate.serving.people import Known
from palate.serving.runs import Runs
from palate.serving.settings import ServingConfig
from palate.serving.store import Store, events, users
from palate.serving.threads import choose

if TYPE_CHECKING:
    from palate.conversation.words import Writer

log = logging.getLogger("palate.serving")

KEPT = 24 * 3600 * 10**6  # microseconds that idempotency keys are kept
HOURLY = 3600.0
STORELESS = "the store of events cannot be read now: what came since the training is not counted"


class Service:
    """Runs, store, keys and counters of one server.

    Attributes:
        active: requests that are being worked on.
    """

    active = 0

    def __init__(self, folders: Mapping[str, Path], store: Store, settings: ServingConfig) -> None:
        """
        Raises:
            RunError: a run cannot be loaded.
            ConfigError: there is nobody to word chat answers.
            StoreError: the store cannot be read.
        """
        self.settings, self.store = settings, store
        self.metrics = Metrics()
        self.keys = Keys(store)
        self.rate = Rate(settings.rate)
        self.runs = Runs(folders, store, settings, self.metrics)
        self.writer = self._writer()
        local = self.writer is not None  # words take long enough for all threads
        self.threads = choose([] if local else self.runs.all(), settings.threads)
        self._writing = threading.Lock()  # a local writer words one answer at a time
        self._forgotten: frozenset[str] = frozenset()
        self.store_up = True
        self._stop = threading.Event()
        self._cleared = 0.0
        self._look()
        self._watcher = threading.Thread(target=self._watch, name="palate-watch", daemon=True)

    def _writer(self) -> Writer | None:
        if self.settings.words == PLAIN and self.settings.words_model is None:
            return None  # and a language model's machinery is not loaded
        from palate.experiments.chat import writer

        return writer(self.settings.words, self.settings.words_model)

    def start(self) -> None:
        """Begin to look at what other servers do."""
        self._watcher.start()

    def stop(self) -> None:
        """Stop looking, and let go of the store."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join(timeout=5)
        self.store.close()

    def known(self, engine: Engine, user: str) -> tuple[Known, str | None]:
        """What is known of a user now, and a remark where that is not all.

        Without a store, what the run knows is used; of those who asked to be forgotten, nothing.
        """
        try:
            since, forgotten = users.known(self.store, user)
        except StoreError as error:
            log.error("%s", error)
            return engine.known(user, [], self.has_forgotten(user)), STORELESS
        return engine.known(user, since, forgotten), None

    def forget(self, user: str, actor: str) -> users.Deleted:
        """Delete all about a user; what runs know of them is not used from now on."""
        done = users.deleted(self.store, user, actor)
        self._forgotten |= {users.forgotten_digest(self.store, user)}
        return done

    def has_forgotten(self, user: str) -> bool:
        """Whether the user asked to be deleted, as far as this server has heard."""
        return users.forgotten_digest(self.store, user) in self._forgotten

    def _watch(self) -> None:
        while not self._stop.wait(self.settings.poll):
            try:
                self._look()
            except PalateError as error:
                log.error("%s", error)
            except Exception:  # the next look may go well; a watcher that is gone never does
                log.exception("unexpected")

    def _look(self) -> None:
        try:
            with self.store.reading() as connection:
                self.keys.refresh(connection)
                self._forgotten = users.all_forgotten(connection)
                self.runs.follow(connection)
            if time.monotonic() - self._cleared > HOURLY or not self._cleared:
                events.forget_answers(self.store, time.time_ns() // 1000 - KEPT)
                self._cleared = time.monotonic()
            self.store_up = True
        except StoreError:
            self.store_up = False
            raise
        finally:
            self.metrics.store.set(self.store_up)

    @property
    def writing(self) -> threading.Lock:
        """Held while the writer words an answer."""
        return self._writing
