"""Spelling: what a person probably meant, held against the words that documents have."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.language.questions import ChatModel, Continue, mean_log_prob
from palate.search.asking import Steps, ask, run
from palate.search.query.edits import NearWords
from palate.search.results import Expansion, Query, WeightedText
from palate.search.statistics import plain_words, spelt

_TOKEN = re.compile(r"\w+(?:['’\-]\w+)*")
SHORT = 5  # letters below which one edit is all that is tried
COMMON = 100  # occurrences in the dictionary's texts below which a word may be a misspelling itself
LEAST, LONG = 4, 40  # letters that a word needs to be corrected, and may have
ENDINGS = frozenset(("", "s", "d", "e", "y", "n", "t", "es", "ed", "er", "ly", "al", "ing", "ion"))
_ASKING = (
    "what when where which does from about should could would have been that this with them "
    "they there their your than some many much more most into"
)
ASKING = frozenset(_ASKING.split())
"""Words of questions, which documents may lack."""


class CorrectionConfig(Config):
    """Settings of spelling correction."""

    channel: float = Field(1.0, ge=0)
    """Weight of the channel's log-probability beside the word's own."""
    edit: float = Field(6.0, gt=0)
    """How much less likely each further edit is, in natural logarithms; 6 is about 1 in 400."""
    unknown: float = Field(5.0, ge=0)
    """How much less likely than a word seen once a right word is that the documents lack; the
    larger, the sooner a word is changed."""
    least: int = Field(2, ge=1)
    """Occurrences that a word needs to be put in another's place."""
    candidates: int = Field(4, ge=1)
    """Spellings of a query that a language model, if there is one, is asked to choose from."""
    margin: float = Field(3.0, ge=0)
    """The model is asked only about spellings that are no less likely than this (logarithms)."""
    dictionary: Literal["en", "de", "es", "fr", "it", "nl", "pt", "ru"] | None = "en"
    """Language whose common words are right even where the documents lack them; null: of none."""
    weight: float = Field(1.0, gt=0)
    """Weight of the corrected text beside the query as it was asked."""


@dataclass(frozen=True)
class Correction:
    """A spelling of a query.

    Attributes:
        changed: the words that were changed, with what they became.
        score: natural log-probability, up to a constant.
    """

    text: str
    changed: tuple[tuple[str, str], ...]
    score: float


class Corrector:
    """A noisy channel over the collection's own words.

    argmax over c of ``log p(c) + channel * log p(typed | c)`` (Kernighan, Church and Gale, COLING
    1990): p(c) from how often a word stands in the documents, alone and after the word before it;
    p(typed | c) falls with each edit (Damerau-Levenshtein, at most 2; 1 for words of less than
    five letters). Words that the documents or titles have are never changed, nor are common words
    of the language, nor anything with a digit or an inner capital in it, such as a product code,
    nor a mere other ending of a word that the documents have; and a right word that they lack
    stays where no likely one is near.
    """

    name = "correction"

    def __init__(
        self,
        texts: Iterable[str],
        titles: Iterable[str] = (),
        config: CorrectionConfig | None = None,
        model: ChatModel | None = None,
    ) -> None:
        """
        Args:
            texts: of the documents, or queries that were asked before.
            titles: all words of these are known, however rare.
            model: arbitrates between spellings that are about as likely.
        """
        self.config, self.model = config or CorrectionConfig(), model
        self._words, self._pairs = spelt(texts)
        self._known = {*self._words, *(word for title in titles for word in plain_words(title))}
        self._right = self._known | ASKING
        if self.config.dictionary is not None:
            self._right |= common_words(self.config.dictionary)
        self._near = NearWords([w for w, n in self._words.items() if n >= self.config.least])
        self._total = max(1, self._words.total())

    def correct(self, text: str) -> Correction:
        """The likeliest spelling; the text itself where nothing better is found."""
        return self._corrected([text])[0][0]

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        """The query, and its corrected spelling where it has another."""
        found = []
        corrected = self._corrected([query.text for query in queries])
        for query, (one, seconds, cost) in zip(queries, corrected, strict=True):
            texts = (WeightedText(one.text, self.config.weight, self.name),) if one.changed else ()
            found.append(Expansion(query, texts, (), {self.name: seconds}, cost))
        return found

    def _corrected(self, texts: Sequence[str]) -> list[tuple[Correction, float, dict[str, float]]]:
        spellings = [self.spellings(text) for text in texts]
        if self.model is None:
            return [(several[0], 0.0, {}) for several in spellings]
        spent = run(self.model, [self._arbitrated(several) for several in spellings])
        return [(one.found, one.seconds, one.cost) for one in spent]

    def _arbitrated(self, spellings: Sequence[Correction]) -> Steps[Correction]:
        least = spellings[0].score - self.config.margin
        close = [one for one in spellings if one.score >= least]
        if len(close) < 2:
            return spellings[0]
        replies = yield from ask([Continue("Search query:", f" {one.text}") for one in close])
        scores = [mean_log_prob(reply) for reply in replies]
        return close[scores.index(max(scores))]

    def spellings(self, text: str) -> list[Correction]:
        """Likely spellings, the best first (a beam over the words)."""
        beam = [Correction("", (), 0.0)]
        at, before = 0, ""
        last: dict[str, str] = {"": ""}  # the word before, by the spelling so far
        for match in _TOKEN.finditer(text):
            gap, typed = text[at : match.start()], match.group()
            at = match.end()
            options = self._options(typed, text.isupper())
            grown: dict[str, Correction] = {}
            following: dict[str, str] = {}
            for one in beam:
                for word, channel in options:
                    shown = typed if word == typed.lower() else _cased(word, typed)
                    score = one.score + channel
                    if word in self._known or len(options) == 1:
                        score += self._prior(word, last[one.text])
                    changed = one.changed
                    if word != typed.lower():
                        changed = (*changed, (typed, shown))
                    whole = one.text + gap + shown
                    if whole not in grown or grown[whole].score < score:
                        grown[whole] = Correction(whole, changed, score)
                        following[whole] = word
            beam = sorted(grown.values(), key=lambda c: -c.score)[: self.config.candidates]
            last = following
            before = typed
        if not before:
            return [Correction(text, (), 0.0)]
        return [Correction(c.text + text[at:], c.changed, c.score) for c in beam]

    def _options(self, typed: str, loud: bool) -> list[tuple[str, float]]:
        """Words that may be meant, in lower case, and what the channel says of each.

        Args:
            loud: the whole text is in capitals, so that they say nothing.
        """
        word = typed.lower()
        if word in self._right or not LEAST <= len(word) <= LONG:
            return [(word, 0.0)]
        inner = any(c.isupper() for c in typed[1:]) and not loud
        parts = word.replace("’", "-").replace("'", "-").split("-")
        known = len(parts) > 1 and all(len(p) < LEAST or p in self._right for p in parts)
        if inner or known or any(c.isdigit() for c in word):
            return [(word, 0.0)]
        near = self._near.near(word, 1 if len(word) < SHORT else 2)
        if not near or any(_inflected(word, other) for other, _ in near):
            return [(word, 0.0)]
        kept = math.log(0.5 / self._total) - self.config.unknown
        edit = self.config.channel * self.config.edit
        return [(word, kept), *((other, -edit * distance) for other, distance in near)]

    def _prior(self, word: str, before: str) -> float:
        """log p(word | the one before): pairs and single words mixed half and half."""
        alone = (self._words[word] + 0.5) / (self._total + 0.5)
        first = self._words[before]
        if not first:
            return math.log(alone)
        return math.log(0.5 * alone + 0.5 * self._pairs[before, word] / first)


@cache
def common_words(language: str) -> frozenset[str]:
    """Words that pyspellchecker's texts in a language have often.

    Raises:
        ConfigError: pyspellchecker is not installed.
    """
    try:
        from spellchecker import SpellChecker
    except ImportError:
        raise ConfigError(
            "a dictionary needs pyspellchecker: pip install 'palate[search]', or dictionary=null"
        ) from None
    counted = SpellChecker(language=language).word_frequency.dictionary
    return frozenset(word for word, count in counted.items() if count >= COMMON)


def _inflected(a: str, b: str) -> bool:
    """The same word with another ending, as far as letters tell."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return same >= LEAST and a[same:] in ENDINGS and b[same:] in ENDINGS


def _cased(word: str, typed: str) -> str:
    if len(typed) > 1 and typed.isupper():
        return word.upper()
    return word.capitalize() if typed[:1].isupper() else word
