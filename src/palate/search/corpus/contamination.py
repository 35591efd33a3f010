"""Documents that hold what a model will be tested on.

Brown et al. (GPT-3, 2020) call a document contaminated that shares a run of 13 words with a test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from palate.search.corpus.parse import normalised

WORDS = 13
FEWEST = 8  # words of a test text that is shorter than a run, and then counts as a whole


class Contamination:
    """The runs of words of some tests.

    Attributes:
        too_short: texts of each test that hold too few words to be looked for.
    """

    def __init__(self, tests: Mapping[str, Iterable[str]], words: int = WORDS) -> None:
        """
        Args:
            tests: texts of each test by its name.
            words: of a run.
        """
        self._words = words
        self._runs: dict[bytes, str] = {}
        self._lengths: set[int] = set()
        self.too_short = dict.fromkeys(tests, 0)
        for name, texts in tests.items():
            for text in texts:
                found = normalised(text).split()
                size = min(words, len(found))
                if size < min(FEWEST, words):
                    self.too_short[name] += 1
                    continue
                self._lengths.add(size)
                for run in _runs(found, size):
                    self._runs.setdefault(run, name)

    def found(self, text: str) -> str | None:
        """The test that a text shares a run with; None for none."""
        words = normalised(text).split()
        for size in self._lengths:
            for run in _runs(words, size):
                if run in self._runs:
                    return self._runs[run]
        return None


def _runs(words: Sequence[str], size: int) -> Iterator[bytes]:
    for start in range(len(words) - size + 1):
        told = " ".join(words[start : start + size]).encode("utf-8", "replace")
        yield hashlib.blake2b(told, digest_size=8).digest()
