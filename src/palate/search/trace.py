"""Why a document stands where it stands: stages, ranks, passages, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palate.search.index import Snapshot
from palate.search.passages import passages
from palate.search.results import Hit, Results


def explained(snapshot: Snapshot, results: Results) -> list[dict[str, Any]]:
    """Each hit with its document's words, its version, its passage and its provenance."""
    return [_explain(snapshot, hit, rank) for rank, hit in enumerate(results, start=1)]


def _explain(snapshot: Snapshot, hit: Hit, rank: int) -> dict[str, Any]:
    document = snapshot.document(hit.document)
    parts = passages(document, snapshot.config.passage_words, snapshot.config.passage_overlap)
    number = hit.passage or 0
    passage = parts[number] if number < len(parts) else ""
    return {
        "rank": rank,
        "document": hit.document,
        "version": document.version,
        "score": hit.score,
        "title": document.title,
        "passage": hit.passage,
        "passages": len(parts),
        "text": passage.removeprefix(f"{document.title}\n"),
        "found": [
            {"stage": f.stage, "rank": f.rank, "score": f.score, "note": f.note}
            for f in hit.provenance
        ],
    }


def sentence(found: Sequence[dict[str, Any]]) -> str:
    """``bm25 3rd (12.1), dense 1st (0.71), rrf 1st (0.0323)``"""
    return ", ".join(
        f"{one['stage']} {_ordinal(one['rank'])} ({one['score']:.4g})"
        + (f" for “{one['note']}”" if one["note"] else "")
        for one in found
    )


def _ordinal(rank: int) -> str:
    if 10 <= rank % 100 <= 20:
        return f"{rank}th"
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank % 10, 'th') }"
