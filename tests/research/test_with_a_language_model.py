"""Every system that asks a language model, with what the small local one really replied.

The replies lie in ``replies.jsonl``; they are made anew by ``PALATE_RECORD=1 pytest`` of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.recorded_model import small_model

from palate.language.questions import ChatModel
from palate.research.agents.cartographer import LONGEST, Cartographer, CartographerConfig
from palate.research.agents.scout import Scout, ScoutConfig
from palate.research.desk import Brief, Desk
from palate.research.finding import Finder, index_corpus, lexical
from palate.research.synthetic import Synthetic, SyntheticConfig, generate
from palate.research.systems import SYSTEMS, make
from palate.research.tasks import Topic

FILE = Path(__file__).parent / "replies.jsonl"
Embed = Callable[..., np.ndarray]


def small() -> ChatModel:
    """SmolLM2-135M-Instruct, from the record."""
    return small_model(FILE)


@pytest.fixture(scope="session")
def made() -> Synthetic:
    return generate(SyntheticConfig(papers=250, noise=0.3, seed=1))


@pytest.fixture
def topic(made: Synthetic) -> Topic:
    return made.topics[0]


@pytest.fixture
def desk(made: Synthetic, topic: Topic, tmp_path: Path, embed: Embed) -> Desk:
    allowed, _ = topic.allowed(made.corpus)
    ways = lexical(index_corpus(made.corpus, tmp_path / "index"))
    return Desk(allowed, Finder(ways, allowed, len(made.corpus)), model=small(), embed=embed)


def brief(topic: Topic) -> Brief:
    return Brief(topic.title, topic.date)


FEWER = {"decomposer": {"queries": 3}, "storm": {"personas": 1, "turns": 2}}  # calls


@pytest.mark.parametrize(
    "name", [one.name for one in SYSTEMS if one.model and one.does == "discover"]
)
def test_systems_find_papers(desk: Desk, topic: Topic, name: str) -> None:
    found = make(name, FEWER.get(name)).discover(desk, brief(topic), 5)  # type: ignore[union-attr]
    papers = [one.paper for one in found]
    # The papers' words are made up: queries that repeat none of them, as here, find nothing.
    assert bool(papers) == (name in ("zero-shot", "self-rag"))
    assert len(papers) == len(set(papers))
    assert all(paper in desk.allowed for paper in papers)
    assert all(one.reasons for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert desk.ledger.cost.calls > 0
    assert desk.ledger.cost.tokens > 0


@pytest.mark.parametrize(
    "name", [one.name for one in SYSTEMS if one.model and one.does == "organize"]
)
def test_systems_write_trees(desk: Desk, topic: Topic, name: str) -> None:
    papers = sorted(topic.grades)[:8]
    tree = make(name).organize(desk, brief(topic), papers)  # type: ignore[union-attr]
    assert tree.label == topic.title
    assert set(tree.all_papers()) <= set(papers)
    assert desk.ledger.cost.calls > 0


def test_a_screening_is_the_models_own_judgement(desk: Desk, topic: Topic) -> None:
    """The order after it is that of the probabilities of yes that the model gave."""
    screened = Scout(ScoutConfig(screen=4, screen_weight=1e6)).discover(desk, brief(topic), 4)
    told = [one.reasons[-1] for one in screened]
    assert all(reason.startswith("the model puts it at ") for reason in told)
    places = [int(reason.rsplit(" ", 1)[1]) for reason in told]
    assert places == sorted(places)


def test_groups_are_named(desk: Desk, made: Synthetic) -> None:
    papers = made.tree.all_papers()[:40]
    desk.allowed = made.corpus
    tree = Cartographer(CartographerConfig(narrowest=2)).organize(desk, Brief("topic"), papers)
    assert sorted(tree.all_papers()) == sorted(papers)
    assert desk.ledger.cost.calls > 0
    assert all(0 < len(label.split()) <= LONGEST for label in tree.labels())
