"""Preferences out of graded results."""

from __future__ import annotations

from typing import Any

import numpy as np
from claims.search4llm_parts.experiment import PAPER, Experiment
from claims.verdicts import better, exactly


def alignment(work: Experiment) -> list[dict[str, Any]]:
    """Held-out pairs before and after; both losses; what the model knew before."""
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat
    from palate.language.questions import Write, texts
    from palate.search.alignment.groups import groups
    from palate.search.alignment.judging import knowledge, win_rate
    from palate.search.alignment.tuning import AlignmentConfig, accuracy, align, log_probs
    from palate.search.answers.words import Words
    from palate.search.asking import user
    from palate.search.stages import pipeline

    def compute(loss: str) -> dict[str, np.ndarray]:
        with work.index.reading() as snapshot:
            words = Words.of(work.index, snapshot)
            made = groups(work.queries, work.qrels, snapshot, words, pipeline(work.index, "bm25"))
        cut = len(made) // 3
        held, taught = made[:cut], made[cut:]
        backbone = Backbone.load(work.given.model)
        asked = [
            Write(user(f"Question: {group.question}", "Answer in one sentence."), max_tokens=40)
            for group in held[: work.given.judged]
        ]
        old, knew = log_probs(backbone, held), knowledge(LocalChat(backbone))
        said = texts(LocalChat(backbone), asked)
        align(backbone, taught, AlignmentConfig(loss=loss, epochs=work.given.epochs))
        new, knows = log_probs(backbone, held), knowledge(LocalChat(backbone))
        says = texts(LocalChat(backbone), asked)
        with backbone.adapters.disabled():
            questions = [group.question for group in held[: len(says)]]
            judge = win_rate(LocalChat(backbone), questions, says, said)
        return {
            "before": accuracy(held, [total / n for total, n in old]),
            "after": accuracy(held, [total / n for total, n in new]),
            "wins": judge.values,
            "flips": np.array([judge.flips]),
            "knew": knew,
            "knows": knows,
        }

    claims = []
    for loss in ("s-dpo", "dpo", "plackett-luce"):
        found = work.kept(f"alignment-{loss}", lambda loss=loss: compute(loss))
        drop = float(found["knew"].mean() - found["knows"].mean())
        claims += [
            better(f"{loss}: the better document's answer becomes the likelier one",
                   found["after"], found["before"], PAPER, what="accuracy on held-out pairs"),
            better(f"{loss}: the aligned model's answers are preferred (judge: the model itself, "
                   f"both orders, {found['flips'][0]:.2f} decided by order)", found["wins"],
                   np.full(len(found["wins"]), 0.5), PAPER, what="win rate"),
            exactly(f"{loss}: knowledge falls by no more than .01", drop <= 0.01, PAPER,
                    f"{found['knew'].mean():.2f} before, {found['knows'].mean():.2f} after"),
        ]  # fmt: skip
    return claims
