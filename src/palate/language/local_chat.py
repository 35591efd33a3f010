"""A language model on this machine, asked for text.

Questions of one kind are read in batches by length, and what all of them begin with is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings
from palate.language.collate import encode
from palate.language.generation import answer_tokens, generate, likelihoods, sample
from palate.language.prompts import Prompt, Text, chat
from palate.language.questions import Choose, Continue, Question, Reply, Write, messages
from palate.language.sampling import SampleSettings


class LocalChat:
    """Asks a :class:`.Backbone`: greedy or sampled text, and exact log-probabilities."""

    def __init__(self, backbone: Backbone, batch_tokens: int = 8192) -> None:
        """
        Args:
            batch_tokens: padded tokens read at a time; bounds memory.
        """
        self._backbone = backbone
        self._batch_tokens = batch_tokens

    @property
    def name(self) -> str:
        """What the model was loaded from."""
        return self._backbone.name

    @cached_property
    def identity(self) -> str:
        """Hash of weights, active adapter, tokenizer and precision, as they were first asked."""
        return self._backbone.fingerprint()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply per question, in the order given."""
        replies: dict[int, Reply] = {}
        groups: dict[tuple, list[int]] = {}
        for place, question in enumerate(questions):
            groups.setdefault(_together(question), []).append(place)
        for places in groups.values():
            some = [questions[place] for place in places]
            replies.update(zip(places, self._answer(some), strict=True))
        return [replies[place] for place in range(len(questions))]

    def _answer(self, questions: Sequence[Question]) -> list[Reply]:
        """Replies to questions of one kind and one manner."""
        prompts = [self._prompt(question) for question in questions]
        lengths = [len(one.ids) for one in encode(prompts, self._backbone.tokenizer)]
        if isinstance(questions[0], Write):
            told = self._written(prompts, [q for q in questions if isinstance(q, Write)])
        else:
            told = self._scored(prompts, questions)
        return [replace(reply, tokens_in=n) for reply, n in zip(told, lengths, strict=True)]

    def _prompt(self, question: Question) -> Prompt:
        if isinstance(question, Continue):
            return Prompt((Text(question.before),), end="")
        prompt = chat(self._backbone.tokenizer, messages(question.turns))
        if isinstance(question, Choose) and not question.whole:
            return replace(prompt, end="")
        return prompt

    def _written(self, prompts: Sequence[Prompt], questions: Sequence[Write]) -> list[Reply]:
        one = questions[0]
        if one.temperature == 0:
            greedy = BeamSettings(beams=1, max_tokens=one.max_tokens, early_stopping=True)
            found = generate(self._backbone, prompts, greedy, batch_tokens=self._batch_tokens)
            tokens = [best.tokens for best, *_ in found]
        else:
            settings = SampleSettings(one.max_tokens, one.temperature, one.top_k)
            seeds = [question.seed for question in questions]
            tokens = sample(
                self._backbone, prompts, settings, seeds, batch_tokens=self._batch_tokens
            )
        decode = self._backbone.tokenizer.decode
        return [Reply(decode(ids), tokens_out=len(ids)) for ids in tokens]

    def _scored(self, prompts: Sequence[Prompt], questions: Sequence[Question]) -> list[Reply]:
        answers = [
            list(q.options) if isinstance(q, Choose) else [q.text]
            for q in questions
            if not isinstance(q, Write)
        ]
        found = likelihoods(self._backbone, prompts, answers, batch_tokens=self._batch_tokens)
        replies = []
        for prompt, some, values in zip(prompts, answers, found, strict=True):
            lengths = map(len, answer_tokens(self._backbone.tokenizer, some, prompt.end))
            replies.append(Reply(log_probs=tuple(values.tolist()), tokens_out=sum(lengths)))
        return replies


def _together(question: Question) -> tuple:
    """Questions for which this is equal may share a batch."""
    if isinstance(question, Write):
        return (Write, question.max_tokens, question.temperature, question.top_k)
    return (type(question), getattr(question, "whole", False))
