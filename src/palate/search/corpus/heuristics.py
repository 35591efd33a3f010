"""Rules of thumb for text that was written for people to read.

After Gopher (Rae et al., arXiv:2112.11446, table A1), of which the numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from palate.config import Config

COMMON = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])
BULLETS = ("-", "*", "•", "●", "▪", "·", "‣")
_SYMBOL = re.compile(r"#|\.\.\.|…")


class HeuristicsConfig(Config):
    """Settings of the rules; a text is dropped that breaks one."""

    fewest_words: int = Field(50, ge=1)
    """Words of the shortest text."""
    most_words: int = Field(100_000, ge=1)
    """Words of the longest text."""
    shortest_mean: float = Field(3.0, ge=0)
    """Least mean length of words, in characters."""
    longest_mean: float = Field(10.0, gt=0)
    """Largest mean length of words."""
    symbols: float = Field(0.1, ge=0)
    """Hashes and ellipses per word, from which on a text is dropped."""
    with_letter: float = Field(0.8, ge=0, le=1)
    """Least share of words with a letter."""
    common: int = Field(2, ge=0, le=len(COMMON))
    """How many of eight common English words there must be; not asked of other languages."""
    bullets: float = Field(0.9, ge=0, le=1)
    """Share of lines that begin with a bullet, from which on a text is dropped."""
    ellipses: float = Field(0.3, ge=0, le=1)
    """Share of lines that end in an ellipsis, from which on."""
    repeated: float = Field(0.3, ge=0, le=1)
    """Share of lines that stood there before, from which on."""


def broken(text: str, config: HeuristicsConfig | None = None, language: str = "en") -> list[str]:
    """The rules that a text breaks, in the order of the settings."""
    return list(_broken(text, config or HeuristicsConfig(), language))


def _broken(text: str, config: HeuristicsConfig, language: str) -> Iterator[str]:
    words = text.split()
    count = len(words)
    if count < config.fewest_words:
        yield "too few words"
    if count > config.most_words:
        yield "too many words"
    if not count:
        return
    mean = sum(map(len, words)) / count
    if not config.shortest_mean <= mean <= config.longest_mean:
        yield "length of words"
    if len(_SYMBOL.findall(text)) / count >= config.symbols:
        yield "symbols"
    if sum(any(c.isalpha() for c in word) for word in words) / count < config.with_letter:
        yield "words without letters"
    if language == "en":
        there = COMMON.intersection(word.strip(".,;:!?\"'()").lower() for word in words)
        if len(there) < config.common:
            yield "common words"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if sum(line.startswith(BULLETS) for line in lines) / len(lines) >= config.bullets:
        yield "bullets"
    if sum(line.endswith(("...", "…")) for line in lines) / len(lines) >= config.ellipses:
        yield "ellipses"
    if 1 - len(set(lines)) / len(lines) >= config.repeated:
        yield "repeated lines"
