"""Which items are near another, or near what somebody writes.

Legend: i items of the catalogue.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.conversation.reading import words
from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError
from palate.recommenders.base import ReadsItems, Represents
from palate.serving.engine import Engine

By = Literal["vectors", "scores", "attributes"]
Values = npt.NDArray[np.float64]


def similar(engine: Engine, item: int, deadline: float | None = None) -> tuple[By, Values]:
    """By what items are compared, and how near each is [i]."""
    vectors = engine.model.vectors
    if vectors is not None and len(vectors) >= len(engine.catalogue):
        return "vectors", _cosines(vectors[: len(engine.catalogue)], vectors[item])
    alone, nobody = engine.score(Histories.of([[item], []]), deadline).astype(np.float64)
    if not np.allclose(alone, nobody):
        return "scores", alone
    genres = [frozenset(engine.reading.vocabulary.genres_of(i)) for i in range(len(alone))]
    own = genres[item]
    found = [len(own & one) / max(1, len(own | one)) for one in genres]
    return "attributes", np.array(found, dtype=np.float64)


def by_words(engine: Engine, text: str, k: int) -> list[int]:
    """Items whose titles and texts hold the words, rare ones counting more."""
    scores = engine.reading.texts.score([one.folded for one in words(text)])
    best = np.argsort(-scores, kind="stable")[:k]
    return [one for one in best.tolist() if scores[one] > 0]


def by_meaning(engine: Engine, text: str, k: int) -> list[int]:
    """Items that the run's language model reads as near to a text.

    Raises:
        ConfigError: the run's recommender reads no texts.
    """
    recommender = engine.model.recommender
    if not (isinstance(recommender, ReadsItems) and isinstance(recommender, Represents)):
        raise ConfigError(
            f"by: {engine.name} ({engine.run.method}) reads no texts, so it cannot search by "
            "meaning; search by title or words, or serve a run of recformer beside it"
        )
    frame = engine.catalogue.frame
    row = {name: [text if name == "title" else None] for name in frame.columns}
    asked = Catalogue(pl.DataFrame(row, schema=frame.schema))
    with engine.model.lock:
        wanted = recommender.vectors_of(asked)[0]
    vectors = engine.model.vectors
    assert vectors is not None
    nearest = _cosines(vectors[: len(engine.catalogue)], wanted)
    best: list[int] = np.argsort(-nearest, kind="stable")[:k].tolist()
    return best


def _cosines(vectors: npt.NDArray[np.float32], one: npt.NDArray[np.float32]) -> Values:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    return (vectors @ one / np.where(lengths > 0, lengths, 1)).astype(np.float64)
