"""Other words for a query, and its spelling."""

from __future__ import annotations

from typing import Any

import numpy as np
from claims.llm4search_parts.experiment import Experiment
from claims.verdicts import FAILS, HOLDS


def query(run: Experiment) -> list[dict[str, Any]]:
    """Other words, fused with the query's own: on BM25; HyDE on vectors."""
    from palate.search.stages import pipeline

    if run.name == "noveleval":
        return []
    alone = pipeline(run.index, "bm25").retrieve(run.queries, 100)
    dense = pipeline(run.index, "dense").retrieve(run.queries, 100)
    chosen = f"model={run.given.model}"
    if run.given.address:
        chosen += f", address={run.given.address}"
    lines = {
        "rewriting": f"rewrite({chosen}, gate=none) > bm25",
        "query2doc": f"query2doc({chosen}, gate=none) > bm25",
        "query2doc, repeated adaptively":
            f"query2doc({chosen}, gate=none, repeat=adaptive) > bm25",
        "query2doc for hard queries alone": f"query2doc({chosen}, rare=10) > bm25",
        "query2doc after reading": f"grounded({chosen}, gate=none) > bm25",
        "several wordings": f"multi-query({chosen}, gate=none) > bm25",
        "decomposition": f"decompose({chosen}, gate=none) > bm25",
    }  # fmt: skip
    claims: list[dict[str, Any]] = []
    metrics = ("ndcg@10", "recall@100")
    for name, line in lines.items():
        claims += run.compare(
            f"{name} beats BM25 alone", alone,
            lambda line=line: pipeline(run.index, line).retrieve(run.queries, 100),
            metrics=metrics,
        )  # fmt: skip
    hyde = f"hyde({chosen}, gate=none, samples=4) > dense"
    claims += run.compare(
        "HyDE beats the query's vector alone", dense,
        lambda: pipeline(run.index, hyde).retrieve(run.queries, 100),
        metrics=metrics,
    )  # fmt: skip
    return claims


def spelling(run: Experiment) -> list[dict[str, Any]]:
    """Queries with a slip of the finger in one long word; and queries as they were asked, which
    must not come to harm. Some of those are misspelt, too, so that a change alone is none."""
    from palate.search.query.correction import Corrector
    from palate.search.results import Query
    from palate.search.stages import pipeline

    if run.name == "noveleval":
        return []
    random = np.random.default_rng(run.given.seed)
    texts = [f"{one.title} {one.text}" for one in run.data.documents.values()]
    corrector = Corrector(texts)
    slips = [Query(one.id, slip(one.text, random)) for one in run.queries]
    bm25, correcting = (pipeline(run.index, line) for line in ("bm25", "correct > bm25"))
    fixed = [Query(one.id, corrector.correct(one.text).text) for one in slips]
    claims = run.compare(
        "misspelt queries: correction beats none", bm25.retrieve(slips, 100),
        lambda: bm25.retrieve(fixed, 100),
    )  # fmt: skip
    claims += run.compare(
        "misspelt queries: correction beside the query beats none", bm25.retrieve(slips, 100),
        lambda: correcting.retrieve(slips, 100),
    )  # fmt: skip
    right = np.mean([a.text == b.text for a, b in zip(fixed, run.queries, strict=True)])
    corrected = {one.id: corrector.correct(one.text) for one in run.data.queries}
    changed = [one for one in run.data.queries if corrected[one.id].changed]
    worse, means = 0, ""
    if changed:
        before, after = (run.values(one.retrieve(changed, 100)) for one in (bm25, correcting))
        worse = int((after < before).sum())
        means = f" (NDCG@10 of these {before.mean():.3f} before, {after.mean():.3f} after)"
    share = worse / len(run.data.queries)
    words = dict.fromkeys(f"{a} → {b}" for one in changed for a, b in corrected[one.id].changed)
    claims.append({
        "claim": f"{run.name}: correction beside the query makes fewer than 1 % of queries as they "
        "were asked worse",
        "paper": "a gate, not the paper's",
        "told": f"{worse} of {len(run.data.queries)} have a lower NDCG@10, {len(changed)} are "
        f"changed{means}: {'; '.join(words) or 'none'}; {right:.0%} of slips mended",
        "verdict": HOLDS if share < 0.01 else FAILS,
    })  # fmt: skip
    return claims


def slip(text: str, random: np.random.Generator) -> str:
    """The text with one letter of one long word left out, doubled, changed or swapped."""
    words = text.split()
    places = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not places:
        return text
    place = int(random.choice(places))
    word, at = words[place], int(random.integers(1, len(words[place]) - 1))
    letter = chr(97 + int(random.integers(26)))
    words[place] = [
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    ][int(random.integers(4))]
    return " ".join(words)
