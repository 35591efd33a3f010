"""A model in the place of those who judge, and of those who search."""

from __future__ import annotations

from typing import Any

import numpy as np
from claims.llm4search_parts.experiment import SETTINGS, Experiment
from claims.verdicts import FAILS, HOLDS, OPEN


def judge(run: Experiment) -> list[dict[str, Any]]:
    """The model's grades beside people's, of documents and of systems; what sways it."""
    from dataclasses import asdict

    from palate.search.judging.agreement import system_agreement
    from palate.search.judging.judge import agreement, as_qrels, biases
    from palate.search.ranking.annotate import Annotator, AnnotatorConfig

    random = np.random.default_rng(run.given.seed)
    pairs = [(q, d) for q in run.queries for d in run.data.qrels[q.id] if d in run.data.documents]
    order = random.permutation(len(pairs))[: min(SETTINGS["pairs"], 15 * run.given.queries)]
    chosen = [pairs[i] for i in sorted(order)]
    if run.name != "noveleval":  # their lists hold hardly anything that is not relevant
        found = run.first(run.queries, 10)
        chosen = [(one.query, d) for one in found for d in one.documents][: len(order)]
    claims = []
    for prior in (False, True):
        annotator = Annotator(run.model, AnnotatorConfig(words=SETTINGS["words"], prior=prior))
        grades = annotator.grade(chosen, run.data)
        qrels = {q.id: {d: run.data.qrels[q.id].get(d, 0) for _, d in chosen} for q, _ in chosen}
        told = agreement(grades, qrels, relevant_from=1 if run.name != "noveleval" else 2)
        names = "grades over those of an empty passage" if prior else "grades as they are"
        k, low, high = told.binary
        claims.append({
            "claim": f"{run.name}: the judge agrees with people beyond chance, {names}",
            "paper": "GPT-4o on TREC: binary kappa .42 to .50",
            "told": f"binary kappa {k:.3f} ({low:.3f} … {high:.3f}), weighted "
            f"{told.weighted[0]:.3f}, {told.judged} judged, {told.missing:.0%} missing",
            "verdict": HOLDS if low > 0 else OPEN if high > 0 else FAILS,
            "agreement": asdict(told), "cost": annotator.cost, "seconds": annotator.seconds,
        })  # fmt: skip
        known: dict[str, dict[str, int]] = as_qrels(grades)
        people, judged = systems(run, known, qrels)
        both = system_agreement(people, judged)
        claims.append({
            "claim": f"{run.name}: the judge ranks systems as people do, {names}",
            "paper": "tau .85 to .90 and more",
            "told": f"tau {both.tau:.3f}, Spearman {both.spearman:.3f} over {both.systems} systems",
            "verdict": HOLDS if both.tau >= 0.85 else FAILS,
        })  # fmt: skip
        unrelated = {
            q.id: random.choice(list(run.data.documents), 4, replace=False).tolist()
            for q in run.queries[:10]
        }
        swayed = biases(annotator, run.queries[:10], run.data, unrelated, grades, qrels)
        claims.append({
            "claim": f"{run.name}: the query written into unrelated documents changes no grade, "
            f"{names}",
            "paper": "grades must stay 0",
            "told": f"mean grade {swayed.stuffing:+.2f}, {swayed.stuffed_relevant:.0%} called "
            f"relevant; order decides {swayed.position:.0%} of pairs; "
            f"length {swayed.verbosity:+.2f}",
            "verdict": FAILS if abs(swayed.stuffing) >= 0.1 or swayed.stuffed_relevant >= 0.1
            else HOLDS if low > 0 else OPEN,  # who says one thing always is not swayed, either
        })  # fmt: skip
    return claims


def systems(
    run: Experiment, judged: dict[str, dict[str, int]], people: dict[str, dict[str, int]]
) -> tuple[list[float], list[float]]:
    """Mean NDCG@10 of a dozen orders of the judged documents, by people and by the judge."""
    from palate.evaluation.retrieval import evaluate_lists
    from palate.search.judging.validity import shuffled

    ours: list[float] = []
    theirs: list[float] = []
    known = {q: list(told) for q, told in judged.items()}
    whole = {one.query.id: one.documents for one in run.first(run.queries, 10_000)}
    for share in np.linspace(0, 1, 12):
        lists = {
            q: shuffled([d for d in whole[q] if d in set(docs)], float(share), 7)
            for q, docs in known.items()
        }
        grades = {q: {d: people[q].get(d, 0) for d in docs} for q, docs in known.items()}
        ours.append(float(evaluate_lists(lists, grades, ("ndcg@10",)).values["ndcg@10"].mean()))
        theirs.append(float(evaluate_lists(lists, judged, ("ndcg@10",)).values["ndcg@10"].mean()))
    return ours, theirs


def users(run: Experiment) -> list[dict[str, Any]]:
    """Whether simulated users prefer BM25 to its shuffle, and worse lists ever less."""
    from palate.search.judging.users import SimulatedUser, UserConfig
    from palate.search.judging.validity import sensitivity, shuffled, sign_test

    lists = [one.documents[:10] for one in run.first(run.queries, 10)]
    worse = [shuffled(one, 1.0, 1) for one in lists]
    if run.name != "noveleval":  # a worse list holds what was found for other queries
        worse = lists[1:] + lists[:1]
    claims = []
    for read in ("json", "likelihood"):
        user = SimulatedUser(run.model, run.data, UserConfig(read=read))  # type: ignore[arg-type]
        seen: list[Any] = []

        def visit(pairs: Any, seed: int, user: Any = user, seen: Any = seen) -> list[Any]:
            found = user.visit(pairs, seed=seed)
            seen.extend(found)
            return [one.action.clicks for one in found]

        test = sign_test(visit, run.queries, lists, worse, users=SETTINGS["users"])
        fall = sensitivity(visit, run.queries, lists, (0.0, 0.5, 1.0), users=1)
        repaired = float(np.mean([one.action.repaired for one in seen]))
        claims.append({
            "claim": f"{run.name}: users ({read}) prefer BM25's lists to worse ones",
            "paper": "the better one in 95 % and more",
            "told": f"{test.agrees:.1%} of resamples ({test.better:.3f} and {test.worse:.3f}); "
            f"shuffled 0, 50, 100 %: {', '.join(f'{x:.3f}' for x in fall)}; "
            f"{repaired:.0%} repaired",
            "verdict": HOLDS if test.agrees >= 0.95 else FAILS,
        })  # fmt: skip
    return claims
