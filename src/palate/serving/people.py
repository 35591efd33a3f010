"""What is known of a person: the run's events of them, and those that came since.

Legend: e events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.serving.store.events import POSITIVE, Since


@dataclass(frozen=True)
class Known:
    """What is known of someone.

    Attributes:
        items: item indices of what they had and did not refuse, oldest first.
        liked: for each, whether they liked it, where the run's data say so; else None.
        gone: indices that are not shown again: all of *items*, and what they refused.
        of_run: how many of the items the run knows; the others came since.
        later: events about items that the run does not rank; they count in the next update.
    """

    items: tuple[int, ...] = ()
    liked: tuple[bool, ...] | None = None
    gone: frozenset[int] = frozenset()
    of_run: int = 0
    later: int = 0


class People:
    """The histories of a run, by user."""

    def __init__(
        self,
        histories: Histories,
        catalogue: Catalogue,
        like_from: float | None,
        reads_likes: bool = False,
    ) -> None:
        """
        Args:
            like_from: lowest rating of what a person liked, where the data are rated.
            reads_likes: the recommender reads what was disliked too; for others it is no part of
                a history.
        """
        if not reads_likes:
            histories = Histories(histories.items, histories.offsets, histories.users)
        self._histories = histories
        self._rows = {user: row for row, user in enumerate(histories.users)}
        self._catalogue = catalogue
        self._like_from = like_from

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, user: object) -> bool:
        return user in self._rows

    def listed(self, prefix: str, limit: int) -> list[str]:
        """Users whose ids begin so, in the order of the run."""
        found = (user for user in self._histories.users if user.startswith(prefix))
        return [user for user, _ in zip(found, range(limit), strict=False)]

    def counts(self) -> npt.NDArray[np.int64]:
        """[i] events with each item."""
        return np.bincount(self._histories.items, minlength=len(self._catalogue))

    def probes(self, most: int) -> Histories:
        """Some of the histories that are not empty, drawn as by chance, for measurements."""
        rows = np.flatnonzero(self._histories.lengths)
        chosen = np.random.default_rng(0).permutation(rows)[:most]
        return self._histories.take(np.sort(chosen))

    def known(
        self,
        user: str,
        since: Sequence[Since],
        index: dict[str, int],
        learned: int = 0,
        forgotten: bool = False,
    ) -> Known:
        """All that is known of a user.

        Args:
            since: the events of the store, oldest first.
            index: index by item id of what is ranked.
            learned: the newest event that the run's own histories hold.
            forgotten: they asked that what the run knows of them is not used.
        """
        row = None if forgotten else self._rows.get(user)
        items: list[int] = [] if row is None else self._histories[row].tolist()
        flags = self._flags(row)
        rated = flags is not None
        pairs = list(zip(items, flags or [True] * len(items), strict=True))
        refused: set[int] = set()
        taken: set[int] = set()  # out of what the run knows
        of_run, later = len(pairs), 0
        for event in since:
            place = index.get(event.item)
            if place is None:
                later += 1
                continue
            liked = self._liked(event.kind, event.rating)
            known_to_run = event.id <= learned and not forgotten
            if event.kind == "skip":
                refused.add(place)
            elif liked or rated:
                refused.discard(place)
                if not known_to_run or place in taken:
                    pairs.append((place, liked))
            else:  # what is disliked after all is no reason for more of it
                refused.add(place)
                taken.add(place)
                of_run -= sum(one == place for one, _ in pairs[:of_run])
                pairs = [pair for pair in pairs if pair[0] != place]
        whole = tuple(place for place, _ in pairs)
        return Known(
            whole,
            tuple(liked for _, liked in pairs) if rated else None,
            frozenset(whole) | frozenset(refused),
            of_run,
            later,
        )

    def _flags(self, row: int | None) -> list[bool] | None:
        """What a user liked, in the order of their history; None where nobody says."""
        if self._histories.liked is None:
            return None
        if row is None:
            return []
        start, stop = self._histories.offsets[row : row + 2]
        flags: list[bool] = self._histories.liked[start:stop].tolist()
        return flags

    def _liked(self, kind: str, rating: float | None) -> bool:
        if kind == "rate":
            return rating is not None and (self._like_from is None or rating >= self._like_from)
        return kind in POSITIVE
