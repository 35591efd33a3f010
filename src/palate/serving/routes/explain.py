"""Why items are recommended."""

from __future__ import annotations

from fastapi import APIRouter

from palate.experiments.explain import Explanation, explain_several
from palate.serving.engine import CELLS, Engine
from palate.serving.problems import Problem
from palate.serving.routes.lists import item_told, known_of, run_told
from palate.serving.routes.needs import Deadline, TheService, needs
from palate.serving.schemas.recommend import (
    ExplainAsked,
    ExplainTold,
    ExplanationTold,
    InfluenceTold,
)

router = APIRouter(tags=["explain"], dependencies=[needs("read")])

NEWEST = 200  # items of a history that are left out in turn, at most
NAMED = 3  # items of the history that a reason names


@router.post("/explain", summary="Explain recommendations")
def explain(service: TheService, deadline: Deadline, asked: ExplainAsked) -> ExplainTold:
    """Which items of a history drive a recommendation, for any method.

    Each item of the history is left out in turn and the list is made anew: what changes is what it
    was worth. Several items cost no more than one.
    """
    engine = service.runs.get(asked.run)
    known, notes = known_of(service, engine, asked)
    if not known.items:
        raise Problem(422, "nothing is known of this person, so nothing drives their list; send a "
                      "history, or events of them first")  # fmt: skip
    history = list(known.items)
    most = max(1, min(NEWEST, CELLS // len(engine.catalogue)))
    if len(set(history)) > most:
        notes.append(f"what the newest {most} items of the history do is told, not what older do")
    items = [engine.finder.find(title) for title in asked.items] or None
    found = explain_several(engine.scorer(deadline), history, items, most)
    told = [_told(engine, one, asked.most) for one in found]
    return ExplainTold(run=run_told(engine), items=told, notes=notes)


def _told(engine: Engine, found: Explanation, most: int) -> ExplanationTold:
    return ExplanationTold(
        **item_told(engine, found.item).model_dump(),
        rank=found.rank,
        candidates=found.candidates,
        score=found.score,
        reason=_reason(engine, found),
        influences=[
            InfluenceTold(
                **item_told(engine, one.item).model_dump(),
                events=one.events,
                change=one.change,
                rank_without=one.rank,
            )
            for one in found.influences[:most]
        ],
    )


def _reason(engine: Engine, found: Explanation) -> str:
    """A sentence that says no more than the figures."""
    titles = engine.catalogue.titles
    helping = [titles[one.item] for one in found.influences if one.change > 0][:NAMED]
    if not any(one.change for one in found.influences):
        return "The same for everyone: nothing in the history changes its score."
    if not helping:
        return "In spite of the history: every item of it speaks against this one."
    named = helping[0] if len(helping) == 1 else f"{', '.join(helping[:-1])} and {helping[-1]}"
    return f"Because of {named}."
