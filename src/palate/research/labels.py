"""Words and pairs of words that set some texts apart from others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from palate.errors import ConfigError

COMMON = {
    "paper", "papers", "approach", "approaches", "method", "methods", "based", "using", "use",
    "used", "proposed", "propose", "results", "result", "show", "new", "novel", "study", "work",
    "problem", "problems", "different", "existing", "state", "art", "experiments", "et", "al",
    "towards", "via", "present", "performance",
}  # fmt: skip


class Terms:
    """The vocabulary of some texts, with how often each text has each term.

    Attributes:
        names: [v] terms of one to three words.
    """

    def __init__(self, texts: Sequence[str], topic: str = "") -> None:
        """
        Args:
            topic: its words are in no label: they set nothing apart.

        Raises:
            ConfigError: scikit-learn is missing.
        """
        try:
            from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
        except ImportError:
            raise ConfigError("labels need scikit-learn: pip install 'palate[research]'") from None
        topic_words = set(re.findall(r"[a-z]{3,}", topic.lower()))
        stop = sorted(ENGLISH_STOP_WORDS | COMMON | topic_words)
        counter = CountVectorizer(
            ngram_range=(1, 3),
            stop_words=stop,
            token_pattern=r"(?u)\b[a-zA-Z][a-zA-Z0-9-]{2,}\b",
            min_df=1 if len(texts) < 10 else 2,
            binary=True,
        )
        try:
            self._counts = counter.fit_transform(texts).tocsr()
            self.names = counter.get_feature_names_out()
        except ValueError:  # not a word is left
            self._counts, self.names = None, np.array([], dtype=object)

    def telling(
        self, inside: Sequence[int], outside: Sequence[int], taken: set[str], count: int = 8
    ) -> list[str]:
        """Terms that many of the texts inside have and few of those outside, the best first.

        Args:
            taken: names that are others' already, in lower case.
        """
        if self._counts is None or not len(inside):
            return []
        here = np.asarray(self._counts[list(inside)].mean(axis=0)).ravel()
        there = (
            np.asarray(self._counts[list(outside)].mean(axis=0)).ravel()
            if len(outside)
            else np.zeros(len(self.names))
        )
        # Longer terms say more, and are rarer: the root of their length makes up for it.
        length = np.sqrt([name.count(" ") + 1 for name in self.names])
        worth = here * np.log((here + 0.01) / (there + 0.01)) * length
        chosen: list[str] = []
        for place in np.argsort(-worth, kind="stable"):
            name = str(self.names[place])
            if worth[place] <= 0 or len(chosen) == count:
                break
            if name in taken or any(name in one or one in name for one in chosen):
                continue
            chosen.append(name)
        return chosen
