"""Questions about events: would this person, after all that, like this?

What next-item cases are for ranking, questions are for likes: an event, or an item in its place,
with the events before it and whether the person liked it.

Legend: u users, e events of all users, n questions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from palate.data.cases import Cases, Flags, Histories, Indices


@dataclass(frozen=True)
class Questions:
    """Questions in the order in which they came up.

    Attributes:
        sequences: [u] all events of each user, oldest first; those before a question are known.
        places: [n] positions in ``sequences.items`` at which is asked.
        items: [n] item indices that are asked about: the event's own, or one drawn in its place.
        liked: [n] the answers.
    """

    sequences: Histories
    places: Indices
    items: Indices
    liked: Flags

    @classmethod
    def about(cls, sequences: Histories, places: Indices) -> Questions:
        """About events themselves; where nobody said what they liked, all that they touched."""
        liked = sequences.liked
        told = np.ones(len(places), dtype=bool) if liked is None else liked[places]
        return cls(sequences, places, sequences.items[places], told)

    @classmethod
    def of_likes(cls, sequences: Histories, places: Indices, n_items: int, seed: int) -> Questions:
        """About events; beside items drawn at random where nobody said what they liked."""
        questions = cls.about(sequences, places)
        return questions if sequences.liked is not None else questions.with_drawn(n_items, seed)

    def __len__(self) -> int:
        return len(self.places)

    def take(self, which: Indices) -> Questions:
        """The questions at the given positions, in that order."""
        return Questions(self.sequences, self.places[which], self.items[which], self.liked[which])

    def some(self, n: int | None, seed: int) -> Questions:
        """At most *n* questions, drawn at random, in their order; None gives all."""
        if n is None or n >= len(self):
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), n, replace=False)))

    def and_(self, other: Questions) -> Questions:
        """These, then the *other* ones, which are about the same sequences."""
        assert other.sequences is self.sequences
        return Questions(
            self.sequences,
            np.concatenate([self.places, other.places]),
            np.concatenate([self.items, other.items]),
            np.concatenate([self.liked, other.liked]),
        )

    def next_items(self) -> Questions:
        """Those about the events themselves, each once: what came next, liked or not."""
        return self.take(np.flatnonzero(self.items == self.sequences.items[self.places]))

    def cases(self, length: int | None = None) -> Cases:
        """[n] the questions with the *length* events before each, or all of them."""
        rows = self.sequences.rows()[self.places]
        stops = self.places - self.sequences.offsets[rows]
        starts = np.zeros_like(stops) if length is None else np.maximum(stops - length, 0)
        return Cases(self.sequences.spans(rows, starts, stops), self.items, self.liked)

    def with_drawn(self, n_items: int, seed: int) -> Questions:
        """Each question twice: as it is, and about a random item that its user never touched.

        For data in which nobody says what they dislike. Users who touched all items keep theirs.
        """
        random = np.random.default_rng(seed)
        rows = self.sequences.rows()
        touched = np.unique(rows * n_items + self.sequences.items)
        asked = rows[self.places]
        drawn = random.integers(0, n_items, len(self))
        for _ in range(100):  # the next draw is for the few that hit something touched
            hit = np.flatnonzero(np.isin(asked * n_items + drawn, touched))
            if not len(hit):
                break
            drawn[hit] = random.integers(0, n_items, len(hit))
        free = np.flatnonzero(~np.isin(asked * n_items + drawn, touched))
        never = replace(self, items=drawn, liked=np.zeros(len(self), dtype=bool)).take(free)
        both = self.and_(never)
        return both.take(np.argsort(np.concatenate([np.arange(len(self)), free]), kind="stable"))
