"""A made-up field: its truth is exact, and noise makes everything worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from palate.evaluation.trees import grouping
from palate.research.agents.scout import Scout
from palate.research.baselines.title import Title
from palate.research.desk import Brief, Desk, Discovers
from palate.research.finding import Finder, index_corpus, lexical
from palate.research.synthetic import Synthetic, SyntheticConfig, generate
from palate.research.tasks import INFLUENTIAL, score_lists


def scores(field: Synthetic, systems: list[Discovers], folder: Path) -> dict[str, float]:
    """Recall@100 and NDCG@10 of each system."""
    ways = lexical(index_corpus(field.corpus, folder))
    topics = [topic for topic in field.topics if len(topic.grades) > 5]
    found = {}
    for system in systems:
        lists, truth = {}, {}
        for topic in topics:
            allowed, _ = topic.allowed(field.corpus)
            truth[topic.id] = topic.truth(allowed)
            desk = Desk(allowed, Finder(ways, allowed, len(field.corpus)))
            ranked = system.discover(desk, Brief(topic.title, topic.date), 100)
            lists[topic.id] = [one.paper for one in ranked]
        found[f"{system.name} recall"] = score_lists("discovery", lists, truth).means()[
            "recall@100"
        ]
        found[f"{system.name} ndcg"] = score_lists("selection", lists, truth).means()["ndcg@10"]
    return found


def test_the_truth_is_exact() -> None:
    field = generate(SyntheticConfig(papers=200, noise=0))
    assert len(field.corpus) == 200 + len(field.topics)
    for topic in field.topics:
        allowed, left = topic.allowed(field.corpus)
        assert set(topic.truth(allowed)) == set(topic.grades)  # nothing right is out of reach
        assert set(topic.grades) == set(topic.tree.all_papers())
        assert topic.id not in allowed
        assert all(paper.date < topic.date for paper in allowed)
        assert left.itself == 1
        strong = [p for p, grade in topic.grades.items() if grade == INFLUENTIAL]
        assert len(strong) == round(0.2 * len(topic.grades))
    noisy = generate(SyntheticConfig(papers=200, noise=0.9))
    assert noisy.topics == field.topics  # the truth is the same, whatever the noise
    assert list(noisy.corpus) != list(field.corpus)
    root = field.topics[0]
    assert set(root.grades) == {p.id for p in field.corpus if p.date < root.date and p.abstract}


def test_the_same_seed_makes_the_same_field() -> None:
    one, two = (generate(SyntheticConfig(papers=60, seed=3)) for _ in range(2))
    assert list(one.corpus) == list(two.corpus)
    assert one.topics == two.topics
    assert list(generate(SyntheticConfig(papers=60, seed=4)).corpus) != list(one.corpus)


@pytest.mark.parametrize("system", [Title(), Scout()], ids=lambda system: system.name)
def test_noise_makes_discovery_and_selection_worse(system: Discovers, tmp_path: Path) -> None:
    found = []
    for noise in (0.0, 0.98, 1.0):
        several = [
            scores(
                generate(SyntheticConfig(papers=300, noise=noise, seed=seed)),
                [system],
                tmp_path / f"{noise}-{seed}",
            )
            for seed in range(2)
        ]
        found.append({name: np.mean([one[name] for one in several]) for name in several[0]})
    for name in found[0]:
        values = [one[name] for one in found]
        assert values == sorted(values, reverse=True), (name, values)
        assert values[0] > values[-1] + 0.1


def test_noise_makes_organisation_worse() -> None:
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = []
    for noise in (0.0, 0.6, 0.95):
        field = generate(SyntheticConfig(papers=300, noise=noise))
        papers = field.tree.all_papers()
        words = TfidfVectorizer().fit_transform(
            [f"{field.corpus.title(p)} {field.corpus.text(p)}" for p in papers]
        )
        groups = AgglomerativeClustering(len(set(field.tree.groups(papers)))).fit_predict(
            words.toarray()
        )
        found.append(grouping(field.tree.groups(papers), groups.tolist()).ari)
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.8
