"""Vectors of passages: computed once per weights and text, kept in the user's cache.

One SQLite file per encoder. What is forgotten about a deleted document is forgotten for all
encoders.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from palate.data.sources.cache import cache_folder

Vectors = npt.NDArray[np.float32]
PIECE = 512  # texts between two looks at the cache, and two writes to it


def cached(
    key: str,
    size: int,
    texts: Sequence[str],
    encode: Callable[[Sequence[str]], Vectors],
    told: Callable[[int], None] | None = None,
) -> Vectors:
    """[n, h] vectors of texts: from the cache, or from *encode* and then in the cache.

    Args:
        key: of all that decides a text's vector.
        size: of a vector.
        told: called with how many texts were done since the last call.
    """
    vectors = np.zeros((len(texts), size), dtype=np.float32)
    with _open(key) as cache:
        for start in range(0, len(texts), PIECE):
            part = texts[start : start + PIECE]
            hashes = [_hash(text) for text in part]
            known = _known(cache, hashes, size)
            missing = [i for i, one in enumerate(hashes) if one not in known]
            if missing:
                fresh = encode([part[i] for i in missing])
                known |= {hashes[i]: v for i, v in zip(missing, fresh, strict=True)}
                cache.execute("BEGIN IMMEDIATE")
                cache.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                    [(hashes[i], v.tobytes()) for i, v in zip(missing, fresh, strict=True)],
                )
                cache.execute("COMMIT")
            for place, one in enumerate(hashes):
                vectors[start + place] = known[one]
            if told is not None:
                told(len(part))
    return vectors


def forget(texts: Sequence[str]) -> None:
    """Remove what was computed of these texts, whatever computed it."""
    hashes = [(_hash(text),) for text in texts]
    for path in cache_folder("vectors").glob("*.sqlite"):
        with _open(path.stem) as cache:
            cache.executemany("DELETE FROM vectors WHERE hash = ?", hashes)


class _open:
    """A cache file that closes itself."""

    def __init__(self, key: str) -> None:
        path = cache_folder("vectors") / f"{key[:32]}.sqlite"
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=60)

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) "
            "WITHOUT ROWID"
        )
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _known(
    cache: sqlite3.Connection, hashes: Sequence[bytes], size: int
) -> dict[bytes, npt.NDArray[np.float32]]:
    rows = cache.execute(
        f"SELECT hash, vector FROM vectors WHERE hash IN ({','.join('?' * len(hashes))})", hashes
    )
    found = {hash: np.frombuffer(vector, dtype=np.float32) for hash, vector in rows}
    return {hash: vector for hash, vector in found.items() if len(vector) == size}
