"""The contract of every recommender, and how it is kept on disk."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from palate.config import Config
from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.recommenders.stored import Stored
from palate.training.context import FitContext

if TYPE_CHECKING:
    from palate.training.fit import Learned

__all__ = ["Config", "Controlled", "FitContext", "Recommender", "Scorer", "Scores"]

Scores = npt.NDArray[np.float32]


@runtime_checkable
class Controlled(Protocol):
    """A recommender that comes with what it has to beat.

    Whenever it is judged, its controls are judged beside it: the same without its training,
    without what it claims to use, or a simpler way to the same end.
    """

    def controls(self) -> Mapping[str, Callable[[Histories], Scores]]:
        """Name of each control, and its scores as :meth:`Recommender.score` gives them."""
        ...


class Scorer(Protocol):
    """What asks for scores and nothing else is content with."""

    def score(self, histories: Histories) -> Scores:
        """[users, items] as :meth:`Recommender.score` gives them."""
        ...


@runtime_checkable
class ReadsItems(Protocol):
    """A recommender that knows items by their texts, so that it can rank ones it never met.

    It is a ``Represents`` too.
    """

    def take_items(self, catalogue: Catalogue) -> None:
        """Rank this catalogue from now on: the items known so far come first in it, perhaps
        described anew, and others may follow."""
        ...

    def vectors_of(self, catalogue: Catalogue) -> Scores:
        """[n, d] float32: the vectors of items that are described so, among those of
        ``item_representations()``; nothing is taken over."""
        ...


@runtime_checkable
class Chooses(Protocol):
    """A recommender that answers in words which of some candidates comes next.

    Attributes:
        titles: [i] titles of the catalogue as its answers have them.
    """

    titles: list[str]

    def choose(self, histories: Histories, candidates: npt.NDArray[np.int64]) -> list[str]:
        """[u] an answer to each list of candidates [u, m], in the order in which they are shown."""
        ...


@runtime_checkable
class Represents(Protocol):
    """A recommender whose scores are products of a vector per history and one per item.

    For histories that are not empty, ``score(histories)`` is ``representations(histories) @
    item_representations().T``: a temperature, or a bias as one more dimension, is in the vectors.
    """

    def representations(self, histories: Histories) -> Scores:
        """[n, d] float32: the vector of each history."""
        ...

    def item_representations(self) -> Scores:
        """[i, d] float32: the vector of each item of the catalogue."""
        ...


@dataclass(frozen=True)
class Learnt:
    """What pre-training leaves for trainings on other data.

    Attributes:
        tensors: named weights, none of which depends on the size of a catalogue.
        marks: what they were learned on top of, by name, such as the fingerprint of a language
            model: a training that starts from them must have the same.
        learned: how it went.
    """

    tensors: dict[str, torch.Tensor]
    marks: dict[str, str]
    learned: Learned


@runtime_checkable
class Pretrains(Protocol):
    """A recommender that may learn from several domains before it meets the one that it ranks.

    Its ``Config`` has a setting ``pretrained`` that takes the folder where
    :mod:`palate.recommenders.pretrained` finds what came of it.

    Attributes:
        Pretraining: the settings of pre-training.
    """

    Pretraining: ClassVar[type[Config]]

    def pretrain(self, config: Any, split: Split, context: FitContext) -> Learnt:
        """Learn from ``split.train`` of several domains, as :func:`palate.data.domains.joined`
        makes it; choose by ``split.validation``; never touch the test.

        Args:
            config: a ``Pretraining``.
        """
        ...


class Recommender(Stored):
    """Ranks the whole catalogue for a history.

    Subclasses give ``name``, ``summary``, a ``Config``, and the four methods below.
    """

    @abstractmethod
    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        """Learn from ``split.train``; choose by ``split.validation``; never touch the test."""

    @abstractmethod
    def score(self, histories: Histories) -> Scores:
        """[users, items] a float32 score per item, in item-index order; higher is better."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """All that fit() learned, as named tensors."""

    @abstractmethod
    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        """Take back what :meth:`state` gave."""

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            RunError: the folder holds no saved recommender.
        """
        self, state = cls.stored(folder)
        self.load_state(state, catalogue)
        return self
