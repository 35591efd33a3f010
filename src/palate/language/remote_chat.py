"""A language model behind an OpenAI-compatible address, asked for text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from palate.errors import ChatError, ConfigError, UnansweredError
from palate.language.questions import Choose, Continue, Question, Reply, Turn

SECONDS = 60.0  # that an address has to answer
SEEN = 20  # tokens of which an address tells how likely they are
BUSY = (408, 409, 429)  # refusals that may not last
NEVER = -50.0  # where it tells nothing of an option


class RemoteChat:
    """Asks an address, one question at a time.

    Attributes:
        name: the model's name there.
        address: of the API.
        client: what speaks to it.
    """

    def __init__(
        self, address: str, model: str, key: str | None = None, seconds: float = SECONDS
    ) -> None:
        """
        Args:
            address: of the API, such as ``http://localhost:8000/v1``.
            model: the model's name there.
            key: what the address wants to see; local servers want none.
            seconds: that it has for each answer.

        Raises:
            ConfigError: the package that speaks to such addresses is not installed.
        """
        try:
            from openai import OpenAI, OpenAIError
        except ImportError as error:
            raise ConfigError(
                "words from an address need the package openai: pip install 'palate[chat]'"
            ) from error
        self.name = model
        self.address = address
        self._failures = OpenAIError
        self.client = OpenAI(
            base_url=address, api_key=key or "none", timeout=seconds, max_retries=0
        )

    @property
    def identity(self) -> str:
        """The address and the name: what stands behind them is not ours to know."""
        return f"{self.address} {self.name}"

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply per question, in the order given.

        Raises:
            ChatError: the address did not answer, or cannot answer such a question.
        """
        return [self._reply(question) for question in questions]

    def _reply(self, question: Question) -> Reply:
        if isinstance(question, Continue):
            raise ChatError(
                f"{self.address} does not tell how likely a text is: use a model on this machine"
            )
        if isinstance(question, Choose):
            return self._choice(question)
        more: dict[str, Any] = {"seed": question.seed} if question.temperature else {}
        if question.top_k:
            more["extra_body"] = {"top_k": question.top_k}
        answer = self._complete(
            question.turns,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            **more,
        )
        text = (answer.choices[0].message.content if answer.choices else None) or ""
        return Reply(text, (), *_used(answer))

    def _choice(self, question: Choose) -> Reply:
        """Options by the first token of the reply alone, which is what addresses tell."""
        answer = self._complete(
            question.turns, max_tokens=1, temperature=0, logprobs=True, top_logprobs=SEEN
        )
        told = answer.choices[0].logprobs if answer.choices else None
        if told is None or not told.content:
            raise ChatError(f"{self.address} tells no log-probabilities: choose another model")
        tokens = [(one.token.strip(), one.logprob) for one in told.content[0].top_logprobs]
        return Reply("", _by_first_token(question.options, tokens), *_used(answer))

    def _complete(self, turns: Sequence[Turn], **settings: Any) -> Any:
        told: Any = [{"role": role, "content": text} for role, text in turns]
        try:
            return self.client.chat.completions.create(model=self.name, messages=told, **settings)
        except self._failures as error:
            why = " ".join(str(error).split())[:200]
            status = getattr(error, "status_code", None)
            again = status is None or status >= 500 or status in BUSY
            kind = UnansweredError if again else ChatError
            raise kind(f"{self.address} did not answer: {why}") from error


def _used(answer: Any) -> tuple[int, int]:
    usage = answer.usage
    return (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)


def _by_first_token(
    options: Sequence[str], tokens: Sequence[tuple[str, float]]
) -> tuple[float, ...]:
    """Log of the mass of the tokens that begin each option, shared where they begin several."""
    masses = [0.0] * len(options)
    for token, log_prob in tokens:
        begun = [i for i, option in enumerate(options) if token and option.startswith(token)]
        for i in begun:
            masses[i] += math.exp(log_prob) / len(begun)
    return tuple(math.log(mass) if mass else NEVER for mass in masses)
