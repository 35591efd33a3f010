"""Replies of language models, kept: a cache in the user's folder, and records for offline use."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from palate.errors import ChatError
from palate.language.questions import ChatModel, Question, Reply, as_json, from_json, key

AT_A_TIME = 256  # questions between two visits to the file


class Cached:
    """Asks a model only what it was never asked before.

    Keyed by all that decides a reply: the model's identity (of a local one its weights) and the
    whole question with its settings. Several processes may share the file.
    """

    def __init__(self, model: ChatModel, path: Path) -> None:
        self._model = model
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, timeout=60)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT)")
        self._file.commit()

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def identity(self) -> str:
        """The model's."""
        return self._model.identity

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Kept replies, and the model's to the rest."""
        keys = [key(question, self.identity) for question in questions]
        known = self._read(keys)
        new = {one: q for one, q in zip(keys, questions, strict=True) if one not in known}
        fresh = set(new)
        for some in _parts(list(new.items())):  # what was paid for outlives a later failure
            found = self._model.ask([question for _, question in some])
            told = dict(zip([one for one, _ in some], found, strict=True))
            self._write(told)
            known.update(told)
        replies = []
        for one in keys:
            replies.append(known[one] if one in fresh else replace(known[one], kept=True))
            fresh.discard(one)  # an equal question after it costs nothing
        return replies

    def _read(self, keys: Sequence[str]) -> dict[str, Reply]:
        found = {}
        with self._lock:
            for one in set(keys):
                row = self._file.execute("SELECT reply FROM replies WHERE key = ?", (one,))
                if (kept := row.fetchone()) is not None:
                    found[one] = replace(_reply(json.loads(kept[0])), kept=True)
        return found

    def _write(self, replies: Mapping[str, Reply]) -> None:
        rows = [(one, json.dumps(_told(reply))) for one, reply in replies.items()]
        with self._lock, self._file:
            self._file.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", rows)


class Recorded:
    """Writes what is asked and replied to a file of JSON lines, for :class:`Replayed`."""

    def __init__(self, model: ChatModel, path: Path) -> None:
        self._model, self._path = model, path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known = {as_json(question) for question in _lines(path)} if path.exists() else set()

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def identity(self) -> str:
        """The model's."""
        return self._model.identity

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The model's replies; new ones are appended to the file."""
        replies = self._model.ask(questions)
        with self._path.open("a", encoding="utf-8") as file:
            for question, reply in zip(questions, replies, strict=True):
                line = as_json(question)
                if line not in self._known:
                    self._known.add(line)
                    told = {
                        "model": self.name,
                        "question": json.loads(line),
                        "reply": _told(reply),
                    }
                    file.write(json.dumps(told, ensure_ascii=False) + "\n")
        return replies


class Replayed:
    """Replies as they were recorded, without the model.

    Attributes:
        name: of the model that was recorded.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            ChatError: there is no record.
        """
        if not path.exists():
            raise ChatError(f"{path}: no record of replies; make one with a model at hand")
        self._path = path
        self._replies = _lines(path)
        self.name = _name(path)

    @property
    def identity(self) -> str:
        """That of the record."""
        return f"record of {self.name}"

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The recorded replies.

        Raises:
            ChatError: a question was not recorded.
        """
        replies = []
        for question in questions:
            if question not in self._replies:
                raise ChatError(
                    f"{self._path} holds no reply to {as_json(question)[:300]}: record it anew"
                )
            replies.append(self._replies[question])
        return replies


def _parts(
    questions: Sequence[tuple[str, Question]],
) -> Iterator[Sequence[tuple[str, Question]]]:
    for start in range(0, len(questions), AT_A_TIME):
        yield questions[start : start + AT_A_TIME]


def _lines(path: Path) -> dict[Question, Reply]:
    found = {}
    for line in path.read_text("utf-8").splitlines():
        told = json.loads(line)
        found[from_json(json.dumps(told["question"]))] = _reply(told["reply"])
    return found


def _name(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        line = file.readline()
    return str(json.loads(line)["model"]) if line.strip() else "nothing"


def _told(reply: Reply) -> dict[str, Any]:
    told = asdict(reply)
    del told["kept"]
    return told


def _reply(told: Mapping[str, Any]) -> Reply:
    return Reply(**{**told, "log_probs": tuple(told["log_probs"])})
