"""ACM-CR (Boudin and others): papers with the papers that they cite, as topics of a benchmark."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from claims.shared import shared

TOPICS = int(os.environ.get("PALATE_CLAIM_TOPICS", "0")) or None  # fewer, to see that it runs
CORPUS = int(os.environ.get("PALATE_CLAIM_PAPERS", "0")) or None  # so many beside the references


def acm_cr(others: bool = False) -> tuple[Any, list[Any]]:
    """The corpus of ACM-CR, and its topics with grades by how often they are cited.

    Args:
        others: as topics the papers whose references are not listed, with what their quoted places
            cite; to choose settings by.
    """
    from palate.research.corpus import Corpus
    from palate.research.papers import normalised
    from palate.research.readers import json_lines, survey_rows
    from palate.research.tasks import INFLUENTIAL, Topic
    from palate.search.layouts import trec
    from palate.search.layouts.base import Columns

    folder = shared() / "acm-cr"
    papers = json_lines.read(folder / "core.docs.jsonl.gz")
    places = trec.qrels(folder / "contexts.qrels")
    cited: dict[str, dict[str, int]] = {}
    for place in trec.queries(folder / "contexts.topics", Columns()):
        own = cited.setdefault(normalised(place.text), {})
        for paper in places.get(place.id, {}):
            own[paper] = own.get(paper, 0) + 1
    dates = {paper.id: paper.date for paper in papers}
    listed = survey_rows.read(folder / "papers_with_references.dev.jsonl")
    if others:
        known = {normalised(topic.title) for topic in listed}
        by_title = {normalised(paper.title): paper for paper in papers}
        listed = [
            Topic(by_title[title].id, by_title[title].title, grades=dict.fromkeys(own, 1))
            for title, own in cited.items()
            if title not in known
        ]
    topics = []
    for topic in listed[:TOPICS]:
        often = cited.get(normalised(topic.title), {})
        grades = {p: INFLUENTIAL if often.get(p, 0) > 1 else g for p, g in topic.grades.items()}
        topics.append(replace(topic, date=dates[topic.id], grades=grades))
    if CORPUS is not None:
        needed = {p for topic in topics for p in (topic.id, *topic.grades)}
        papers = [p for n, p in enumerate(papers) if n < CORPUS or p.id in needed]
    return Corpus(papers, "acm-cr"), topics
