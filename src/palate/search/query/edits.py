"""How far two spellings are apart, and the words of a vocabulary that are near.

Legend: n words, c characters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BINS = 64  # characters are counted in so many bins


def damerau_levenshtein(a: str, b: str, most: int | None = None) -> int:
    """Edits between two strings: letters put in, left out, changed, or two neighbours swapped.

    The restricted form (optimal string alignment): no part is edited twice.

    Args:
        most: where the distance is larger, ``most + 1`` is returned, sooner.
    """
    limit = max(len(a), len(b)) if most is None else most
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            value = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                value = min(value, before[j - 2] + 1)
            row.append(value)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


class NearWords:
    """A vocabulary that can be asked for what is near a spelling.

    Words whose counts of characters differ too much cannot be near; that rules out nearly all of
    them in one array operation, and the rest are measured.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._counts = np.zeros((len(self.words), BINS), dtype=np.int8)
        for row, word in enumerate(self.words):
            self._counts[row] = _counts(word)

    def near(self, word: str, most: int) -> list[tuple[str, int]]:
        """Words within *most* edits, and how many: the nearest first, then by spelling."""
        # An edit changes counts by at most 2: one character out, another in.
        differences = np.abs(self._counts - _counts(word)).sum(1, dtype=np.int32)
        found = []
        for row in np.flatnonzero(differences <= 2 * most):
            distance = damerau_levenshtein(word, self.words[row], most)
            if distance <= most:
                found.append((self.words[row], distance))
        return sorted(found, key=lambda one: (one[1], one[0]))


def _counts(word: str) -> np.ndarray:
    bins = [ord(character) % BINS for character in word]
    return np.bincount(bins, minlength=BINS).astype(np.int8)
