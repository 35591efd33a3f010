"""Who cites whom among the papers that may be used: neighbours, and importance by random walks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from palate.research.corpus import Corpus
from palate.research.finding import Found


def neighbours(corpus: Corpus, seeds: Sequence[str], k: int) -> Found:
    """Papers that cite the seeds, are cited by them, or are cited together with them.

    Each seed gives 1 to each paper that it is tied to, and a seed's ties by one other paper (both
    cited by it, or both citing it) together give another 1, so that papers with long lists of
    references do not decide. Everything is inside the corpus, hence from before the survey.

    Returns:
        at most *k*, the most strongly tied first; seeds are among them if they are tied.
    """
    scores: dict[str, float] = {}
    for seed in seeds:
        direct = set(corpus.cites(seed)) | set(corpus.cited_by(seed))
        for paper in direct:
            scores[paper] = scores.get(paper, 0.0) + 1
        together: Counter[str] = Counter()
        for citing in corpus.cited_by(seed):
            together.update(other for other in corpus.cites(citing) if other != seed)
        for cited in corpus.cites(seed):
            together.update(o for o in corpus.cited_by(cited) if o != seed)
        total = sum(together.values())
        for paper, count in together.items():
            scores[paper] = scores.get(paper, 0.0) + count / total
    return _best(scores, k)


def by_authors(corpus: Corpus, seeds: Sequence[str], k: int) -> Found:
    """Papers by authors of the seeds; an author of many papers gives less to each."""
    return _sharing(seeds, k, lambda seed: corpus[seed].authors, corpus.written_by)


def by_keywords(corpus: Corpus, seeds: Sequence[str], k: int) -> Found:
    """Papers with keywords of the seeds; a keyword of many papers gives less to each."""
    return _sharing(seeds, k, lambda seed: corpus[seed].keywords, corpus.about)


def pagerank(
    corpus: Corpus,
    start: Mapping[str, float],
    k: int,
    damping: float = 0.85,
    rounds: int = 50,
    back: float = 0.5,
) -> Found:
    """Personalised PageRank: where one ends up who follows citations and often starts again.

    Page et al., "The PageRank citation ranking", 1998; Haveliwala, "Topic-sensitive PageRank",
    WWW 2002.

    Args:
        start: papers where walks start, with weights.
        damping: share of steps that follow a citation.
        back: share of the weight that a citation has when it is followed backwards; 0 follows
            references only, and a paper that is not cited then has no visits from the others.
    """
    if not start:
        return []
    nodes = _around(corpus, start)
    place = {paper: row for row, paper in enumerate(nodes)}
    sources, targets, weights = [], [], []
    for paper in nodes:
        for other in corpus.cites(paper):
            if other in place:
                sources += [place[paper], place[other]]
                targets += [place[other], place[paper]]
                weights += [1.0, back]
    a, b, w = np.array(sources, dtype=int), np.array(targets, dtype=int), np.array(weights)
    out = np.bincount(a, w, len(nodes)) if len(a) else np.zeros(len(nodes))
    jump = np.zeros(len(nodes))
    for paper, weight in start.items():
        jump[place[paper]] = weight
    jump /= jump.sum()
    rank = jump.copy()
    share = w / np.where(out[a] == 0, 1, out[a]) if len(a) else w
    for _ in range(rounds):
        flow = np.bincount(b, rank[a] * share, len(nodes)) if len(a) else np.zeros(len(nodes))
        stuck = rank[out == 0].sum()  # walks that cannot go on start again
        rank = damping * (flow + stuck * jump) + (1 - damping) * jump
    return _best(dict(zip(nodes, rank.tolist(), strict=True)), k)


def citations(corpus: Corpus, papers: Sequence[str]) -> dict[str, int]:
    """How often each is cited within the corpus: before the survey, as all of it is."""
    return {paper: len(corpus.cited_by(paper)) for paper in papers}


def _around(corpus: Corpus, start: Mapping[str, float]) -> list[str]:
    """The papers within two citations of where walks start."""
    found = dict.fromkeys(start)
    edge = list(start)
    for _ in range(2):
        edge = [
            other
            for paper in edge
            for other in (*corpus.cites(paper), *corpus.cited_by(paper))
            if other not in found
        ]
        found |= dict.fromkeys(edge)
    return list(found)


def _sharing(
    seeds: Sequence[str],
    k: int,
    marks: Callable[[str], Sequence[str]],
    having: Callable[[str], Sequence[str]],
) -> Found:
    """Papers that have a mark of the seeds, an author say, those of rare marks first."""
    scores: dict[str, float] = {}
    for seed in seeds:
        for mark in marks(seed):
            papers = having(mark)
            for paper in papers:
                if paper != seed and len(papers) > 1:
                    scores[paper] = scores.get(paper, 0.0) + 1 / float(np.log2(1 + len(papers)))
    return _best(scores, k)


def _best(scores: Mapping[str, float], k: int) -> Found:
    order = sorted(scores, key=lambda paper: (-scores[paper], paper))[:k]
    return [(paper, float(scores[paper])) for paper in order]
