"""What a model adds to documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from claims.llm4search_parts.experiment import SETTINGS, Experiment
from claims.verdicts import OPEN


def content(run: Experiment) -> list[dict[str, Any]]:
    """Fields that are added to a part of the collection: searched with them and without."""
    from palate.search.content.doc2query import Doc2Query, Doc2QueryConfig
    from palate.search.content.keyphrases import KeyphraseConfig, Keyphrases
    from palate.search.content.summary import Summary, SummaryConfig, faithfulness
    from palate.search.language_stages import statistics
    from palate.search.lexical import BM25, BM25Config

    if run.name == "noveleval":
        return []
    random = np.random.default_rng(run.given.seed)
    wanted = [d for q in run.queries for d, grade in run.data.qrels[q.id].items() if grade > 0]
    wanted = [d for d in dict.fromkeys(wanted) if d in run.data.documents]
    size = min(SETTINGS["documents"], 10 * run.given.queries)
    chosen = wanted[:size]
    rest = [d for d in run.data.documents if d not in set(chosen)]
    chosen += random.permutation(rest)[: max(0, size - len(chosen))].tolist()
    documents = [run.data.documents[d] for d in chosen]
    plain = BM25(BM25Config(), run.indexed(documents, "part")).retrieve(run.queries, 100)
    model = run.model
    ways = {
        "summaries": Summary(model, SummaryConfig(lead=0, words=SETTINGS["words"])),
        "keyphrases by idf": Keyphrases(None, KeyphraseConfig(), statistics=statistics(run.index)),
        "keyphrases that the model lists": Keyphrases(
            model, KeyphraseConfig(by="model", words=SETTINGS["words"])
        ),
        "doc2query": Doc2Query(
            model,
            Doc2QueryConfig(count=SETTINGS["doc2query"], dropped=0, words=SETTINGS["words"]),
        ),
        "doc2query, half dropped": Doc2Query(
            model, Doc2QueryConfig(count=SETTINGS["doc2query"], words=SETTINGS["words"])
        ),
    }
    claims = []
    for name, way in ways.items():
        label = name.replace(" ", "-").replace(",", "")

        def searched(way: Any = way, label: str = label) -> list[Any]:
            index = run.indexed(way.enrich(documents), label, (way.field,))
            weights = BM25Config(weights={way.field: 0.5})
            return BM25(weights, index).retrieve(run.queries, 100)

        claims += run.compare(
            f"{name} in the index ({size} documents) beats none", plain, searched,
            metrics=("ndcg@10", "recall@100"),
        )  # fmt: skip
    unchecked = Summary(model, SummaryConfig(lead=0, words=SETTINGS["words"], checked=False))
    some = documents[:50]
    share = faithfulness(unchecked.find(some), [f"{d.title} {d.text}" for d in some])
    claims.append({
        "claim": f"{run.name}: sentences of summaries that their document has the words of",
        "paper": "no number", "told": f"{share:.0%} of {len(some)} documents' summaries",
        "verdict": OPEN,
    })  # fmt: skip
    return claims
