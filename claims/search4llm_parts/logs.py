"""What the logs of a search engine teach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from claims.search4llm_parts.experiment import PAPER, Experiment
from claims.verdicts import better, exactly


def logs(work: Experiment) -> list[dict[str, Any]]:
    """Planted rewrites are found again, and a model that learned them rewrites other queries; from
    a log, and from one that is six times as long."""
    return _logs(work, work.given.sessions) + _logs(work, 6 * work.given.sessions)


def _logs(work: Experiment, sessions: int) -> list[dict[str, Any]]:
    from palate.search.fusion import RRF
    from palate.search.logs.mining import MiningConfig, mine
    from palate.search.logs.privacy import plain_query
    from palate.search.logs.simulator import SimulatorConfig, simulate
    from palate.search.results import Query
    from palate.search.stages import pipeline

    bm25 = pipeline(work.index, "bm25")
    relevant = {q: set(d) for q, d in work.qrels.items()}
    made = simulate(work.queries, relevant, bm25, SimulatorConfig(sessions=sessions, users=200))
    with work.index.reading() as snapshot:
        found = mine(made.log, snapshot, bm25)
        careless = mine(made.log, None, None, MiningConfig(
            users=1, pair_users=1, dwell=0, least_alike=0, most_alike=1))  # fmt: skip
    planted = {(plain_query(a), plain_query(b)) for a, b in made.planted}
    ours = np.array([float((r.before, r.after) in planted) for r in found.rewrites] or [0.0])
    all_of_them = [float((r.before, r.after) in planted) for r in careless.rewrites] or [0.0]
    # Questions are split by their right wording: none is learned in any of its bad ones.
    rights = sorted({right for _, right in planted})
    held_rights = set(np.random.default_rng(3).permutation(rights)[: len(rights) // 4].tolist())
    lessons = [(r.before, r.after) for r in found.rewrites if r.after not in held_rights]
    asked = sorted((a, b) for a, b in planted if b in held_rights)[: work.given.questions]
    by_text = {plain_query(q.text): relevant[q.id] for q in work.queries}

    def compute() -> dict[str, np.ndarray]:
        raw = [a for a, _ in asked]
        texts = {
            "raw": raw,
            "right": [b for _, b in asked],
            "learned": _rewritten(lessons, raw, work.given),
            "untaught": _rewritten([], raw, work.given),
        }
        lists = {
            name: bm25.retrieve([Query(str(i), text) for i, text in enumerate(some)], 100)
            for name, some in texts.items()
        }
        lists["beside"] = [
            RRF().fuse(both, 100) for both in zip(lists["raw"], lists["learned"], strict=True)
        ]

        def reciprocal(documents: Sequence[str], right: str) -> float:
            ranks = (rank for rank, d in enumerate(documents[:10], 1) if d in by_text[right])
            return 1 / next(ranks, np.inf)

        return {
            name: np.array([
                reciprocal(one.documents, b) for one, (_, b) in zip(some, asked, strict=True)
            ])
            for name, some in lists.items()
        }  # fmt: skip

    size = f"{sessions:,} sessions"
    claims = [
        exactly(f"{size}: planted rewrites are mined with precision .9", bool(ours.mean() >= 0.9),
                PAPER, f"{ours.mean():.3f} of {len(ours)}; {np.mean(all_of_them):.3f} of "
                f"{len(all_of_them)} without time, clicks, likeness and privacy"),
        exactly(f"{size}: mined answers are found again by their question",
                all(one.rank <= 5 for one in found.answers), PAPER,
                f"{len(found.answers)} answers of {found.counts['questions']} questions"),
    ]  # fmt: skip
    if lessons and asked:
        values = work.kept(f"rewrites-{sessions}-{work.given.epochs}", compute)
        for name, told in (("learned", "in place of the query"), ("beside", "beside the query")):
            claims.append(
                better(f"{size}: a model that learned {len(lessons)} mined rewrites helps BM25 on "
                       f"other questions, {told} (worded rightly: {values['right'].mean():.3f})",
                       values[name], values["raw"], PAPER, what="MRR@10")
            )  # fmt: skip
        claims.append(
            better(f"{size}: it rewrites better than before it learned", values["learned"],
                   values["untaught"], PAPER, what="MRR@10")
        )  # fmt: skip
    return claims


def _rewritten(lessons: Sequence[tuple[str, str]], asked: Sequence[str], given: Any) -> list[str]:
    """Rewrites of queries by a model that learned from pairs of them, if there are any."""
    from palate.language.adapters import AdapterConfig
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat
    from palate.language.prompts import chat
    from palate.language.questions import Write, messages, texts
    from palate.search.asking import user
    from palate.search.logs.mining import REWRITE
    from palate.training.config import TrainingConfig
    from palate.training.context import FitContext
    from palate.training.fit import fit
    from palate.training.prompts import PromptExamples, PromptNet

    backbone = Backbone.load(given.model)
    if lessons:
        turns = [user(REWRITE, f"Query: {before}") for before, _ in lessons]
        prompts = [
            chat(backbone.tokenizer, messages(one), after)
            for one, (_, after) in zip(turns, lessons, strict=True)
        ]
        backbone.adapters.add("rewriter", AdapterConfig())
        data, net = PromptExamples(backbone, prompts), PromptNet(backbone)
        config = TrainingConfig(epochs=given.epochs, batch_size=8, learning_rate=3e-4)
        fit(net, data, data.collate, config, None, FitContext())
    questions = [Write(user(REWRITE, f"Query: {one}"), max_tokens=40) for one in asked]
    return texts(LocalChat(backbone), questions)
