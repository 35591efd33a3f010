"""Citations, judged as ALCE does (Gao et al., EMNLP 2023, arXiv:2305.14627)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from palate.search.answers.verify import Verifier


@dataclass(frozen=True)
class CitationQuality:
    """How well an answer is backed.

    Attributes:
        recall: share of sentences that their citations, taken together, support.
        precision: share of citations that are needed: of a supported sentence, those that support
            it alone, or without which the others do not.
        sentences: how many there are.
        citations: how many there are.
    """

    recall: float
    precision: float
    sentences: int
    citations: int


def judge(
    cited: Sequence[tuple[str, Sequence[str]]], passages: Mapping[str, str], verifier: Verifier
) -> CitationQuality:
    """Recall and precision of an answer's citations; both are 0 where there are none.

    Args:
        cited: each sentence with the keys of what it cites.
        passages: texts by key; a citation of an unknown key supports nothing.
    """
    supported, needed, count = 0, 0, 0
    for sentence, keys in cited:
        texts = [passages.get(key, "") for key in keys]
        count += len(keys)
        if not keys or not verifier.support(sentence, texts).supported:
            continue
        supported += 1
        for place, text in enumerate(texts):
            alone = verifier.support(sentence, [text]).supported
            others = [*texts[:place], *texts[place + 1 :]]
            if alone or not (others and verifier.support(sentence, others).supported):
                needed += 1
    recall = supported / len(cited) if cited else 0.0
    return CitationQuality(recall, needed / count if count else 0.0, len(cited), count)
