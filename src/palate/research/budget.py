"""What an agent may spend, what it did spend, and what it did: every step, on disk.

A ledger is a file of JSON lines. A step that is in it is not done again, so that an agent that
was stopped goes on where it was; what it had spent counts against the same budget.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from palate.config import Config
from palate.errors import PalateError, RunError

T = TypeVar("T")


class Budget(Config):
    """Most that may be spent on one topic."""

    calls: int | None = Field(None, ge=0)
    """Questions to a language model."""
    tokens: int | None = Field(None, ge=0)
    """Tokens that a language model reads and writes."""
    seconds: float | None = Field(None, ge=0)
    """Seconds of work, those of earlier tries included."""


class SpentError(PalateError):
    """The budget is spent; what was found until then stands."""


@dataclass
class Cost:
    """What was spent.

    Attributes:
        calls: questions to a language model.
        tokens: that it read and wrote.
        seconds: of work.
        searches: ranked lists that were asked for.
    """

    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    searches: int = 0

    def add(self, other: Cost) -> None:
        """Count *other* too."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Step:
    """One thing that an agent did.

    Attributes:
        name: what, unique in a ledger.
        told: what came of it, for a person.
        result: what the agent goes on with, as JSON.
        cost: of this step.
    """

    name: str
    told: str
    result: Any
    cost: Cost


@dataclass
class Ledger:
    """The steps of one topic.

    Attributes:
        budget: checked before each step.
        path: the file; None keeps nothing.
        told: called with the name of each step that begins.
    """

    budget: Budget = field(default_factory=Budget)
    path: Path | None = None
    told: Callable[[str], None] | None = None
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._now = Cost()
        self._kept: dict[str, Step] = {}
        if self.path is not None and self.path.exists():
            self._kept = {step.name: step for step in _read(self.path)}

    @property
    def cost(self) -> Cost:
        """All that was spent so far, in this try and in those before it."""
        total = Cost()
        for step in self.steps:
            total.add(step.cost)
        total.add(self._now)
        return total

    def spend(self, calls: int = 0, tokens: int = 0, searches: int = 0) -> None:
        """Count what the step that is being done spent."""
        self._now.add(Cost(calls, tokens, 0.0, searches))

    def check(self) -> None:
        """Raise a SpentError if nothing more may be spent."""
        cost = self.cost
        for name in ("calls", "tokens", "seconds"):
            most = getattr(self.budget, name)
            if most is not None and getattr(cost, name) >= most:
                raise SpentError(f"the budget of {most:g} {name} is spent")

    def step(self, name: str, work: Callable[[], tuple[T, str]], free: bool = False) -> T:
        """Do a step, or take what came of it when it was done before.

        Args:
            name: what is done, with all that decides the result.
            work: returns the result, which JSON can hold, and what to tell a person.
            free: done even if the budget is spent: what an answer cannot be without.

        Raises:
            SpentError: the budget is spent.
        """
        if name in self._kept:
            step = self._kept.pop(name)
            self.steps.append(step)
            result: T = step.result
            return result
        if not free:
            self.check()
        if self.told is not None:
            self.told(name)
        started = time.perf_counter()
        self._now = Cost()
        result, told = work()
        self._now.seconds = time.perf_counter() - started
        # As it will be read back: a step's result does not depend on whether it was resumed.
        kept = json.loads(json.dumps(result, ensure_ascii=False))
        self.steps.append(step := Step(name, told, kept, self._now))
        self._now = Cost()
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(step), ensure_ascii=False) + "\n")
        done: T = kept
        return done


def key(settings: Mapping[str, Any]) -> str:
    """Ten letters that stand for settings: ledgers of other settings are other files."""
    told = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:10]


def _read(path: Path) -> Iterator[Step]:
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            yield Step(row["name"], row["told"], row["result"], Cost(**row["cost"]))
        except (ValueError, KeyError, TypeError):
            if number == len(lines):  # cut off when the process was killed; done again
                path.write_text("".join(one + "\n" for one in lines[:-1]), "utf-8")
                return
            raise RunError(
                f"{path}: row {number}: no step; delete the file to begin anew"
            ) from None
