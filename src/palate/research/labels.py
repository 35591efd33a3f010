"""Words and pairs of words that set some texts apart from others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError

COMMON = {
    "paper", "papers", "approach", "approaches", "method", "methods", "based", "using", "use",
    "used", "proposed", "propose", "results", "result", "show", "new", "novel", "study", "work",
    "problem", "problems", "different", "existing", "state", "art", "experiments", "et", "al",
    "towards", "via", "present", "performance", "model", "models", "modeling", "framework",
    "improving", "improve", "efficient", "effective", "empowering", "leveraging", "enhancing",
    "enhanced", "better", "driven", "unified", "general", "case", "analysis", "review",
    "challenges", "large", "small",
}  # fmt: skip
WORD = re.compile(r"[a-z][a-z0-9-]+")
LONGEST = 3  # words of a term
OTHER = "Other"  # where no term tells anything
STEM = 6  # letters that words of one root share: recommender, recommendation


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
        empty = ENGLISH_STOP_WORDS | COMMON
        roots = {word[:STEM] for word in WORD.findall(topic.lower()) if word not in empty}

        def terms(text: str) -> list[str]:
            """Runs of one to three words that begin and end with telling ones."""
            found = []
            for part in re.split(r"[.,:;?!()\[\]]", text.lower()):
                words = WORD.findall(part)
                full = [word not in empty and not word.endswith("-based") for word in words]
                tells = [
                    ok and word[:STEM] not in roots for word, ok in zip(words, full, strict=True)
                ]
                for start in range(len(words)):
                    for end in range(start + 1, min(start + LONGEST, len(words)) + 1):
                        told = 2 * sum(tells[start:end]) >= end - start
                        if full[start] and full[end - 1] and told:
                            found.append(" ".join(words[start:end]))
            return found

        counter = CountVectorizer(analyzer=terms, min_df=1 if len(texts) < 10 else 2, binary=True)
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
        # Longer terms say more, and are rarer: their length makes up for it. A term of one text
        # alone says what that text is about, not the group.
        length = np.array([name.count(" ") + 1 for name in self.names])
        several = here * len(inside) > (1.5 if len(inside) > 2 else 0)
        tells = here * np.log((here + 0.01) / (there + 0.01)) * length * several
        return (
            self._first(tells, taken, count)
            # Where nothing sets it apart: what it is about all the same.
            or self._first(here * length * several, taken, count)
            or self._first(here * length, taken, count)
        )

    def _first(self, worth: npt.NDArray[np.floating], taken: set[str], count: int) -> list[str]:
        """The terms of most worth, no two of the same words."""
        chosen: list[str] = []
        for place in np.argsort(-worth, kind="stable"):
            name = str(self.names[place])
            if worth[place] <= 0 or len(chosen) == count:
                break
            if name not in taken and not any(_same(name, one) for one in chosen):
                chosen.append(name)
        return chosen


def heading(words: Sequence[str]) -> str:
    """A name out of telling terms: the first if it is of several words, else the first two."""
    if not words:
        return OTHER
    told = words[0] if " " in words[0] else " and ".join(words[:2])
    return told[:1].upper() + told[1:]


def _same(a: str, b: str) -> bool:
    """True if all words of one are, but for their endings, words of the other."""
    ours, theirs = ({word[:STEM].rstrip("s") for word in one.split()} for one in (a, b))
    return ours <= theirs or theirs <= ours
