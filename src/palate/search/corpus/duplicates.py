"""Texts that stand in a collection more than once, word for word or nearly.

Near duplicates: Broder's shingles and MinHash (1997) by datasketch, with the settings of FineWeb
(Penedo et al., 2024): word 5-grams, 112 hashes as 14 bands of 8. Two texts of Jaccard likeness s
meet with probability ``1 - (1 - s^8)^14``, a half near .72; what meets is measured exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.search.corpus.parse import normalised


class DuplicateConfig(Config):
    """Settings of near duplicates."""

    shingle: int = Field(5, ge=1)
    """Words of a shingle."""
    bands: int = Field(14, ge=1)
    """Bands of hashes; texts that agree in one of them are measured."""
    rows: int = Field(8, ge=1)
    """Hashes of a band."""
    alike: float = Field(0.7, gt=0, le=1)
    """Exact Jaccard likeness of shingles from which texts are duplicates."""


def fingerprint(text: str) -> bytes:
    """SHA-1 of the text's words: equal for texts that differ in case, spaces and punctuation."""
    return hashlib.sha1(normalised(text).encode("utf-8", "replace")).digest()


def shingles(text: str, size: int = 5) -> frozenset[bytes]:
    """Hashes, 8 bytes each, of all runs of *size* words; of a shorter text, of all its words."""
    words = normalised(text).split()
    runs = (words[i : i + size] for i in range(max(1, len(words) - size + 1)))
    return frozenset(
        hashlib.blake2b(" ".join(run).encode("utf-8", "replace"), digest_size=8).digest()
        for run in runs
        if run
    )


def jaccard(a: frozenset[bytes], b: frozenset[bytes]) -> float:
    """Share of what either has that both have; 0 for two empty sets."""
    either = len(a | b)
    return len(a & b) / either if either else 0.0


class Groups:
    """Union-find: things that are the same, by way of others too."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def find(self, one: int) -> int:
        """The thing that stands for the group."""
        while self._parents[one] != one:
            self._parents[one] = self._parents[self._parents[one]]
            one = self._parents[one]
        return one

    def join(self, a: int, b: int) -> None:
        """These two are the same; the earlier group's stands for both."""
        first, second = sorted((self.find(a), self.find(b)))
        self._parents[second] = first

    def members(self) -> list[list[int]]:
        """The groups, in the order of their first members."""
        found: dict[int, list[int]] = {}
        for one in range(len(self._parents)):
            found.setdefault(self.find(one), []).append(one)
        return list(found.values())


def exact_groups(texts: Sequence[str]) -> list[list[int]]:
    """Positions of texts of equal words, group by group."""
    found: dict[bytes, list[int]] = {}
    for place, text in enumerate(texts):
        found.setdefault(fingerprint(text), []).append(place)
    return list(found.values())


def near_groups(texts: Sequence[str], config: DuplicateConfig | None = None) -> list[list[int]]:
    """Positions of texts that are nearly the same, group by group; most stand alone."""
    config = config or DuplicateConfig()
    sets = [shingles(text, config.shingle) for text in texts]
    groups = Groups(len(texts))
    for a, b in candidates(sets, config):
        # Within a group nothing is to be found out: copies of one page cost a look each.
        if groups.find(a) != groups.find(b) and jaccard(sets[a], sets[b]) >= config.alike:
            groups.join(a, b)
    return groups.members()


def candidates(
    sets: Sequence[frozenset[bytes]], config: DuplicateConfig
) -> Iterator[tuple[int, int]]:
    """Pairs that agree in some band, the earlier one first."""
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError:
        raise ConfigError(
            "finding near duplicates needs the extra 'search': pip install 'palate[search]'"
        ) from None
    size = config.bands * config.rows
    index = MinHashLSH(num_perm=size, params=(config.bands, config.rows))
    empty = MinHash(size, seed=1)
    for place, one in enumerate(sets):
        if not one:
            continue
        sketch = empty.copy()
        sketch.update_batch(sorted(one))
        for earlier in sorted(index.query(sketch)):
            yield earlier, place
        index.insert(place, sketch)


def best_of(group: Sequence[int], worth: Sequence[tuple[float, ...]]) -> int:
    """The member of the highest worth; of equals the first."""
    return max(group, key=lambda place: (worth[place], -place))
