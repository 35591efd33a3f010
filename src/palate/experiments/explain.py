"""Why an item is recommended: what in the history drives it, and what the model's state says.

Legend: n items that are left out in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from palate.data.cases import Histories, Indices
from palate.errors import RunError
from palate.evaluation.ranking import NOTHING, standing, top_k
from palate.experiments.run import Run
from palate.experiments.wording import share
from palate.recommenders.base import Scorer, Scores

if TYPE_CHECKING:
    from palate.recommenders.sequential import SequentialRecommender

SURE = 0.05  # p below which two figures differ


@dataclass(frozen=True)
class Influence:
    """What one item of the history does to the item that is explained.

    Attributes:
        item: its index.
        events: how often it is in the history; all of them are left out at once.
        change: score with it less score without it: above 0 it speaks for the item.
        rank: rank without it, 1 is best.
    """

    item: int
    events: int
    change: float
    rank: int


@dataclass(frozen=True)
class Explanation:
    """An item's place in someone's list, and what drives it.

    Attributes:
        item: its index.
        score: the model's.
        rank: among *candidates*, 1 is best.
        candidates: items that compete: those not in the history, and the item itself.
        influences: one for each item of the history, the greatest change first.
    """

    item: int
    score: float
    rank: int
    candidates: int
    influences: list[Influence]


def explain(recommender: Scorer, history: Sequence[int], item: int | None = None) -> Explanation:
    """Leave each item of a history out in turn, score again, and see what changes.

    All of it is one call of ``score``. What was in the history does not compete, whether or not it
    is left out.

    Args:
        item: which item is explained; None takes the first recommendation.

    Raises:
        RunError: there is nothing left to recommend.
    """
    return explain_several(recommender, history, None if item is None else [item])[0]


def explain_several(
    recommender: Scorer,
    history: Sequence[int],
    items: Sequence[int] | None = None,
    newest: int | None = None,
) -> list[Explanation]:
    """:func:`explain` of several items, for which the scores are the same.

    Args:
        newest: leave out so many of the newest items alone, in turn; the whole history counts for
            score and rank all the same.
    """
    known = list(dict.fromkeys(reversed(history)))
    out = known[:newest][::-1]
    lists = [list(history), *([one for one in history if one != left] for left in out)]
    scores = recommender.score(Histories.of(lists))  # [1 + n, i]
    seen = Histories.of([known] * len(lists))
    mask = (seen.items, seen.offsets)
    if items is None:
        best = int(top_k(scores[:1], 1, (seen.items[: len(known)], seen.offsets[:2]))[0][0, 0])
        if best == NOTHING:
            raise RunError("the whole catalogue is in the history: nothing is left to recommend")
        items = [best]
    return [_explanation(scores, item, mask, history, out) for item in items]


def _explanation(
    scores: Scores,
    item: int,
    mask: tuple[Indices, Indices],
    history: Sequence[int],
    out: Sequence[int],
) -> Explanation:
    ranks, candidates = standing(scores, np.full(len(scores), item), mask)
    changes = scores[0, item].astype(np.float64) - scores[1:, item]
    influences = [
        Influence(left, list(history).count(left), float(change), int(rank) + 1)
        for left, change, rank in zip(out, changes, ranks[1:], strict=True)
    ]
    influences.sort(key=lambda one: -abs(one.change))
    return Explanation(
        item=item,
        score=float(scores[0, item]),
        rank=int(ranks[0]) + 1,
        candidates=int(candidates[0]),
        influences=influences,
    )


@dataclass(frozen=True)
class Words:
    """A state of the recommender, put into words.

    Attributes:
        text: what the language model wrote.
        named: items that it names, in its order.
        true: for each, whether it is in the history that the recommender read.
        figures: how true such words are of people the interpreter never saw: ``judged`` people
            and, by name of what is said, the share that is true and its p beside the words.
    """

    text: str
    named: list[int]
    true: list[bool]
    figures: dict[str, Any]

    def trust(self) -> str:
        """How far the words can be relied on, in a sentence or two."""
        from palate.experiments.faithfulness import OTHER, PROBE, WORDS

        own, other, probe = (self.figures[name] for name in (WORDS, OTHER, PROBE))
        told = (
            f"On {self.figures['judged']} people it never saw, {share(own['true_share'])} of the "
            f"items it named were in their history; shown somebody else's state, "
            f"{share(other['true_share'])}; a linear probe of the same state, "
            f"{share(probe['true_share'])}."
        )
        if own["true_share"] <= other["true_share"] or other["p"] >= SURE:
            return (
                f"{told} The words hardly depend on the state: take them for what people like in "
                "general, not for what this model knows of this person."
            )
        if own["true_share"] < probe["true_share"] and probe["p"] < SURE:
            return (
                f"{told} The words follow the state, but say less than it holds: what they name "
                "is a hint, not a proof."
            )
        return f"{told} The words follow the state as closely as a linear map of it does."


def put_into_words(
    run: Run,
    recommender: SequentialRecommender,
    history: Sequence[int],
    settings: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Words:
    """What a language model reads in the recommender's state of a history.

    The interpreter is trained for the run when it is first asked for; see
    :func:`palate.experiments.interpret.interpret`.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the run knows too few people to learn from.
        RunError: the interpreter that the run keeps learned another task alone.
    """
    # What reads states loads a language model's machinery; whoever explains without words does not.
    from palate.evaluation.text import Titles
    from palate.experiments.interpret import interpret

    interpreter, record = interpret(run, recommender, settings, progress)
    if "recovery" not in record:
        raise RunError(f"{run.folder}: its interpreter names no histories; set tasks=[recovery]")
    text = interpreter.words(interpreter.states(Histories.of([list(history)])))[0]
    titles = Titles(interpreter.titles)
    known = titles.same[np.asarray(history[-recommender.config.length :], dtype=np.int64)].tolist()
    named = titles.named(text)
    rows = {
        row["name"]: {key: row[key] for key in ("true_share", "p") if key in row}
        for row in record["recovery"]["rows"]
    }
    return Words(
        text=text,
        named=named,
        true=[item in known for item in named],
        figures={"judged": record["judged"]} | rows,
    )
