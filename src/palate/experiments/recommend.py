"""What a trained run recommends to someone, known or new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import RunError
from palate.evaluation.ranking import NOTHING, top_k
from palate.experiments.run import Run


@dataclass(frozen=True)
class Recommendation:
    """One line of an answer.

    Attributes:
        item: the item's id.
        title: its title.
        score: the model's; higher is better, and comparable within one answer only.
    """

    item: str
    title: str
    score: float


def recommend(
    run: Run,
    *,
    history: Sequence[int] | None = None,
    user: str | None = None,
    k: int = 10,
    exclude_seen: bool = True,
) -> list[Recommendation]:
    """The best *k* items for a history of item indices or for a user the run knows.

    Fewer than *k* where the catalogue has no more to offer.

    Args:
        history: item indices, oldest first, as of ``run.catalogue().find(title)``; may be empty.
        user: someone whose events were in the data; all of them count, the test's too.
        exclude_seen: leave out what is in the history.

    Raises:
        RunError: the user is unknown, or not exactly one of *history* and *user* is given.
    """
    if k < 1:
        raise RunError(f"a list of {k} items was asked for; ask for 1 or more")
    catalogue = run.catalogue()
    histories = known_histories(run, catalogue, history, user)
    seen = (histories.items, histories.offsets) if exclude_seen else None
    items, scores = top_k(run.recommender().score(histories), k, seen)
    return [
        Recommendation(catalogue.items[item], catalogue.titles[item], float(score))
        for item, score in zip(items[0].tolist(), scores[0].tolist(), strict=True)
        if item != NOTHING
    ]


def known_history(
    run: Run, catalogue: Catalogue, history: Sequence[int] | None, user: str | None
) -> list[int]:
    """:func:`known_histories` as item indices."""
    return known_histories(run, catalogue, history, user)[0].tolist()


def known_histories(
    run: Run, catalogue: Catalogue, history: Sequence[int] | None, user: str | None
) -> Histories:
    """One history: that is given, or of a user the run knows, with what they said they liked.

    Raises:
        RunError: the user is unknown, not exactly one of the two is given, or an index is not of
            the catalogue.
    """
    if (history is None) == (user is None):
        raise RunError("for a history or for a user: give one of the two")
    known = run.histories(user) if history is None else Histories.of([list(history)])
    strange = [item for item in known.items.tolist() if not 0 <= item < len(catalogue)]
    if strange:
        raise RunError(f"item index {strange[0]} is not in the catalogue of {len(catalogue)}")
    return known
