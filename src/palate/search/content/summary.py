"""A short text in place of a long one: what the index weighs apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from palate.config import Config
from palate.language.questions import Write
from palate.search.asking import Steps, ask, clipped, fenced, user
from palate.search.content.enrich import Enricher
from palate.search.documents import Document
from palate.search.query.written import prose
from palate.search.statistics import plain_words

_SENTENCE = re.compile(r"[^.!?]*[.!?]+[\"”']?(?=\s|$)")
SUPPORT = 0.7  # share of a sentence's words that the document must have


class SummaryConfig(Config):
    """Settings of summaries."""

    sentences: int = Field(2, ge=1)
    """Sentences of the abstract, at most."""
    lead: int = Field(1, ge=0)
    """Sentences of the document's beginning that stand before it; 0 is the abstract alone."""
    words: int = Field(200, ge=20)
    """Words of the document that the model is shown."""
    checked: bool = True
    """Leave out sentences whose words the document does not have."""


class Summary(Enricher[SummaryConfig, str]):
    """The document's first sentences, then an abstract of two or three that a model writes."""

    field = "summary"

    def steps(self, document: Document) -> Steps[str]:
        """One question."""
        text = f"{document.title}. {document.text}" if document.title else document.text
        if not text.strip():
            return ""
        turns = user(
            f"Text:\n{fenced(clipped(text, self.config.words))}",
            f"Summarise the text in {self.config.sentences} short sentences.",
        )
        (reply,) = yield from ask([Write(turns, max_tokens=40 * self.config.sentences)])
        written = sentences(prose(reply.text))[: self.config.sentences]
        if self.config.checked:
            written = [one for one in written if supported(one, text)]
        lead = sentences(document.text)[: self.config.lead]
        return " ".join(dict.fromkeys([*lead, *written]))

    def shown(self, found: str) -> str:
        """The text itself."""
        return found


def sentences(text: str) -> list[str]:
    """The whole sentences; the text itself where it has no end."""
    found = [match[0].strip() for match in _SENTENCE.finditer(text)]
    return found or ([text.strip()] if text.strip() else [])


def supported(sentence: str, text: str, share: float = SUPPORT) -> bool:
    """The text has most of the sentence's words of four letters and more, and all its numbers.

    A weak test of faithfulness: it catches what is made of other words, not what is made of the
    same words wrongly.
    """
    there = set(plain_words(text))
    said = plain_words(sentence)
    if any(word not in there for word in said if any(c.isdigit() for c in word)):
        return False
    telling = [word for word in said if len(word) > 3]
    return not telling or sum(word in there for word in telling) >= share * len(telling)


def faithfulness(summaries: Sequence[str], texts: Sequence[str]) -> float:
    """Share of the sentences that their document supports, by :func:`supported`."""
    told = [
        supported(one, text)
        for summary, text in zip(summaries, texts, strict=True)
        for one in sentences(summary)
    ]
    return sum(told) / len(told) if told else 0.0
