"""One way to ask any language model for text: what it costs is counted, limited and kept.

``open_chat`` stacks, from the outside in: :class:`Counted`, :class:`.Cached`, :class:`Budgeted`,
:class:`Retried` and the model. A reply that is kept costs no budget.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from palate.config import Config
from palate.data.sources.cache import cache_folder
from palate.errors import ChatError, ConfigError, UnansweredError
from palate.language.backbone import Backbone
from palate.language.kept_replies import Cached
from palate.language.local_chat import LocalChat
from palate.language.precision import Precision
from palate.language.questions import ChatModel, Question, Reply
from palate.language.remote_chat import RemoteChat

KEY = "OPENAI_API_KEY"  # of the environment: what an address wants to see


class ChatConfig(Config):
    """Which language model is asked, and how much it may cost."""

    model: str = "smollm2-135m"
    """Known name, hub id, folder or GGUF file; at an address, the model's name there."""
    address: str | None = None
    """OpenAI-compatible address; without one, the model runs on this machine."""
    precision: Precision = "auto"
    """Number format of a local model's weights."""
    device: str = "auto"
    """Where a local model runs."""
    cache: bool = True
    """Keep replies in the user's cache, and take them from there."""
    tries: int = Field(3, ge=1)
    """How often an address is asked before it counts as out of reach."""
    parallel: int = Field(4, ge=1)
    """Questions that an address is asked at a time."""
    max_calls: int | None = Field(None, ge=0)
    """Questions that may be asked in all; those with kept replies do not count."""
    max_tokens_in_all: int | None = Field(None, ge=0)
    """Tokens in and out that may be spent in all, checked before each batch of questions."""


@dataclass
class Usage:
    """What was spent.

    Attributes:
        calls: questions asked, those with kept replies apart.
        kept: questions whose reply was known.
        tokens_in: tokens that were read.
        tokens_out: tokens that were written or scored.
        seconds: spent waiting.
    """

    calls: int = 0
    kept: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """What was spent since :meth:`now` was called."""
        return {key: value - before[key] for key, value in self.now().items()}

    def now(self) -> dict[str, float]:
        """All counts."""
        return dict(vars(self))


class _Around:
    """Something in front of a model."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def identity(self) -> str:
        """The model's."""
        return self._model.identity


class Counted(_Around):
    """Counts what a model is asked.

    Attributes:
        usage: the counts so far.
    """

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.usage = Usage()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The model's replies."""
        started = time.perf_counter()
        replies = self._model.ask(questions)
        self.usage.seconds += time.perf_counter() - started
        for reply in replies:
            if reply.kept:
                self.usage.kept += 1
                continue
            self.usage.calls += 1
            self.usage.tokens_in += reply.tokens_in
            self.usage.tokens_out += reply.tokens_out
        return replies


class Budgeted(_Around):
    """Stops asking when the budget is spent."""

    def __init__(self, model: ChatModel, calls: int | None, tokens: int | None) -> None:
        super().__init__(model)
        self._calls, self._tokens = calls, tokens
        self._spent = Usage()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The model's replies.

        Raises:
            ChatError: the budget does not reach.
        """
        asked = self._spent.calls + len(questions)
        if self._calls is not None and asked > self._calls:
            raise ChatError(f"budget of {self._calls} calls to {self.name}: {asked} are wanted")
        used = self._spent.tokens_in + self._spent.tokens_out
        if self._tokens is not None and used >= self._tokens:
            raise ChatError(f"budget of {self._tokens} tokens of {self.name} is spent: {used}")
        replies = self._model.ask(questions)
        self._spent.calls = asked
        self._spent.tokens_in += sum(reply.tokens_in for reply in replies)
        self._spent.tokens_out += sum(reply.tokens_out for reply in replies)
        return replies


class Retried(_Around):
    """Asks again when an address fails, several questions at a time."""

    def __init__(
        self, model: ChatModel, tries: int = 3, wait: float = 0.5, parallel: int = 4
    ) -> None:
        """
        Args:
            tries: in all, for each question.
            wait: seconds before the second; doubled for each further one.
            parallel: questions asked at a time.
        """
        super().__init__(model)
        self._tries, self._wait, self._parallel = tries, wait, parallel

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The model's replies.

        Raises:
            ChatError: a question failed every time, or in a way that would not change.
        """
        if len(questions) <= 1 or self._parallel == 1:
            return [self._one(question) for question in questions]
        with ThreadPoolExecutor(min(self._parallel, len(questions))) as pool:
            return list(pool.map(self._one, questions))

    def _one(self, question: Question) -> Reply:
        for attempt in range(self._tries):
            try:
                return self._model.ask([question])[0]
            except UnansweredError:
                if attempt + 1 == self._tries:
                    raise
                time.sleep(self._wait * 2**attempt)
        raise AssertionError("unreachable")


def open_chat(config: ChatConfig | None = None, *, cache: Path | None = None) -> Counted:
    """The model that *config* names, ready to be asked.

    Args:
        cache: file of kept replies, if not the user's own.

    Raises:
        ConfigError: no such model.
    """
    config = config or ChatConfig()
    model: ChatModel
    if config.address is not None:
        if not config.address.startswith(("http://", "https://")):
            raise ConfigError(f"address '{config.address}' does not begin with http(s)://")
        key = os.environ.get(KEY) or None
        remote = RemoteChat(config.address, config.model, key)
        model = Retried(remote, config.tries, parallel=config.parallel)
    else:
        model = LocalChat(
            Backbone.load(config.model, precision=config.precision, device=config.device)
        )
    if config.max_calls is not None or config.max_tokens_in_all is not None:
        model = Budgeted(model, config.max_calls, config.max_tokens_in_all)
    if config.cache:
        model = Cached(model, cache or cache_folder("replies") / "replies.sqlite")
    return Counted(model)
