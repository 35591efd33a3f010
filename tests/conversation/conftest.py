"""Conversations over MovieLens 100K, ranked by EASE."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from palate.conversation.dialogue import Dialogue
from palate.conversation.vocabulary import Vocabulary
from palate.data.cases import Split
from palate.data.catalogue import Catalogue
from palate.recommenders.base import Recommender
from palate.recommenders.ease import EASE

Talk = Callable[..., Dialogue]


@pytest.fixture(scope="session")
def films(ml100k_split: Split) -> Catalogue:
    """The films of MovieLens 100K, with genres and years."""
    return ml100k_split.catalogue


@pytest.fixture(scope="session")
def ease(ml100k_split: Split) -> Recommender:
    return EASE().fit(ml100k_split)


@pytest.fixture(scope="session")
def vocabulary(films: Catalogue) -> Vocabulary:
    return Vocabulary(films)


@pytest.fixture
def talk(ease: Recommender, films: Catalogue) -> Talk:
    """Begins a dialogue; arguments as of Dialogue."""

    def begin(history: tuple[str, ...] = (), **more: object) -> Dialogue:
        return Dialogue(ease, films, [films.find(title) for title in history], **more)  # type: ignore[arg-type]

    return begin
