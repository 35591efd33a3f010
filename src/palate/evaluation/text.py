"""Generated text: which items it names, how many of the true ones, and how like a reference it is.

Legend: u sequences, l places of a sequence (the newest last), i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError
from palate.evaluation.ranking import Indices, Values
from palate.evaluation.slices import quantile_buckets

ABSENT = -1  # in a matrix of items: the sequence is shorter
DECILES = 10
KEY = 3  # letters by which titles are looked up


class Titles:
    """The titles of a catalogue, to be found in text.

    A title is found where it stands whole: ``Heat`` is not in ``Heated``. Titles are plain text,
    whatever signs they hold; case and width of spaces do not count. Where titles overlap, the
    longest is meant: who says ``Toy Story 2`` has not said ``Toy Story``.

    Attributes:
        same: [i] the first item with the same title; a title of several items names that one.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        first: dict[str, int] = {}
        folded = [_folded(title) for title in titles]
        self.same: Indices = np.array(
            [first.setdefault(title, item) for item, title in enumerate(folded)], dtype=np.int64
        )
        self._items = first
        self._by_start: dict[str, list[str]] = {}
        for title in first:
            if title:
                self._by_start.setdefault(title[:KEY], []).append(title)

    def named(self, text: str) -> list[int]:
        """The items that *text* names, each once, in the order of their first mention.

        Example:
            >>> Titles(["Toy Story", "Toy Story 2", "Heat"]).named("heat; Toy Story 2; Heat")
            [2, 1]
        """
        text = _folded(text)
        taken = np.zeros(len(text), dtype=bool)
        mentions: dict[int, int] = {}
        for start, title in sorted(self._matches(text), key=lambda one: -len(one[1])):
            stop = start + len(title)
            if not taken[start:stop].any():
                taken[start:stop] = True
                item = self._items[title]
                mentions[item] = min(start, mentions.get(item, start))
        return sorted(mentions, key=mentions.__getitem__)

    def _matches(self, text: str) -> list[tuple[int, str]]:
        """Where any title stands whole, overlapping ones included."""
        found = []
        for start in range(len(text)):
            # Titles shorter than the key are kept under all of themselves.
            keys = {text[start : start + length] for length in range(1, KEY + 1)}
            for title in (title for key in keys for title in self._by_start.get(key, ())):
                stop = start + len(title)
                if text.startswith(title, start) and _cut(text, start) and _cut(text, stop):
                    found.append((start, title))
        return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _cut(text: str, place: int) -> bool:
    """True unless the letters on both sides of *place* are of one word."""
    return not (0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum())


@dataclass(frozen=True)
class Recovery:
    """How much of some sequences was named.

    Attributes:
        items: [u, l] the true items, newest last, ``ABSENT`` before the first.
        found: [u, l] True where one was named; False where there is none.
    """

    items: Indices
    found: npt.NDArray[np.bool_]

    @property
    def recovered(self) -> Indices:
        """[u] true items that were named."""
        return self.found.sum(axis=1)

    @property
    def shares(self) -> Values:
        """[u] the same as a share of the true items; 0 where there are none."""
        return self.recovered / np.maximum((self.items != ABSENT).sum(axis=1), 1)

    def distribution(self) -> Indices:
        """[l + 1] sequences of which 0, 1, 2 … items were named."""
        return np.bincount(self.recovered, minlength=self.items.shape[1] + 1)

    def by_position(self) -> Values:
        """[l] share named of the newest items, of those before them, and so on; NaN if none."""
        there = (self.items != ABSENT).sum(axis=0)
        shares = np.full(len(there), np.nan)
        np.divide(self.found.sum(axis=0), there, out=shares, where=there > 0)
        return shares[::-1]

    def by_popularity(self, popularity: Indices) -> list[dict[str, float]]:
        """Share named in each tenth of the true items by how popular they are, rarest first.

        Equal popularity shares a row, so there may be fewer than ten.

        Args:
            popularity: [i] training users of each item.

        Returns:
            rows of ``low`` and ``high`` (popularity), ``items`` (how many) and ``share``.
        """
        there = self.items != ABSENT
        known, found = popularity[self.items[there]], self.found[there]
        buckets = quantile_buckets(known, DECILES)
        return [
            {
                "low": int(known[buckets == bucket].min()),
                "high": int(known[buckets == bucket].max()),
                "items": int((buckets == bucket).sum()),
                "share": float(found[buckets == bucket].mean()),
            }
            for bucket in range(buckets.max(initial=-1) + 1)
        ]


def recovery(
    named: Sequence[Sequence[int]], truths: Sequence[Sequence[int]], length: int
) -> Recovery:
    """What of *truths* is among *named*, each true item counted once, where it came last.

    Args:
        named: [u] items that each text names.
        truths: [u] items of each sequence, oldest first.
        length: the newest so many distinct items of a sequence are asked for.
    """
    items = np.full((len(truths), length), ABSENT, dtype=np.int64)
    found = np.zeros((len(truths), length), dtype=bool)
    for row, (said, truth) in enumerate(zip(named, truths, strict=True)):
        asked = newest_distinct(truth, length)
        if asked:
            items[row, -len(asked) :] = asked
            found[row, -len(asked) :] = np.isin(asked, list(said))
    return Recovery(items, found)


def newest_distinct(items: Sequence[int], length: int) -> list[int]:
    """The last *length* distinct items, in the order of their last events."""
    return list(reversed(dict.fromkeys(reversed(items))))[-length:]


def true_shares(named: Sequence[Sequence[int]], truths: Sequence[Sequence[int]]) -> Values:
    """[u] share of what each text names that is in its truth; 0 where it names nothing."""
    return np.array(
        [
            float(np.isin(list(said), list(truth)).mean()) if len(said) else 0.0
            for said, truth in zip(named, truths, strict=True)
        ]
    )


def bleu(texts: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU of the texts, from 0 to 100, each against its reference, as sacreBLEU counts it.

    Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        from sacrebleu import corpus_bleu
    except ImportError:
        raise ConfigError("BLEU needs sacrebleu: pip install 'palate[text]'") from None
    return float(corpus_bleu(list(texts), [list(references)]).score)


def rouge(texts: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L, from 0 to 1, by the ``rouge-score`` package.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise ConfigError("ROUGE needs rouge-score: pip install 'palate[text]'") from None
    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = RougeScorer(kinds)
    rows = [scorer.score(ref, text) for ref, text in zip(references, texts, strict=True)]
    return {kind: float(np.mean([row[kind].fmeasure for row in rows])) for kind in kinds}
