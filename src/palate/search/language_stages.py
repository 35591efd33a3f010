"""Stages of a pipeline in which a language model is asked, or what one taught ranks.

Each is a ranker or rewriter of this room with what a pipeline gives its stages: settings, the
index, and a name. Stages of equal model settings share one model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from palate.config import Config
from palate.language.chat import ChatConfig, Counted, open_chat
from palate.search.index import SearchIndex, Snapshot
from palate.search.lexical import BM25, BM25Config
from palate.search.query.correction import CorrectionConfig, Corrector
from palate.search.query.difficulty import Difficulty, DifficultyConfig, Gate
from palate.search.query.rewriters import (
    Decomposition,
    DecompositionConfig,
    Grounded,
    GroundedConfig,
    HyDE,
    HyDEConfig,
    MultiQuery,
    MultiQueryConfig,
    Query2Doc,
    Query2DocConfig,
    RewriterConfig,
    Rewriting,
)
from palate.search.ranking.cross_encoder import CrossEncoder
from palate.search.ranking.features import Features
from palate.search.ranking.lambdamart import LambdaMART
from palate.search.ranking.listwise import Listwise, ListwiseConfig, SelfConsistent
from palate.search.ranking.pairwise import Pairwise, PairwiseConfig
from palate.search.ranking.pointwise import LikelihoodConfig, QueryLikelihood, YesNo
from palate.search.ranking.reranker import RankerConfig
from palate.search.ranking.setwise import Setwise, SetwiseConfig
from palate.search.results import Expansion, Query, Results, Texts
from palate.search.segment import FLAT, flat_text
from palate.search.statistics import CollectionStatistics


def shared_chat(config: ChatConfig) -> Counted:
    """The model of these settings, loaded once."""
    told = {name: getattr(config, name) for name in ChatConfig.model_fields}
    return _shared(ChatConfig(**told))


@cache
def _shared(config: ChatConfig) -> Counted:
    return open_chat(config)


class _Ranker:
    """What makes a ranker a stage."""

    kind: ClassVar[str] = "reranker"

    def __init__(self, config: Any, index: SearchIndex, name: str) -> None:
        super().__init__(shared_chat(config), config, name)  # type: ignore[call-arg]


class YesNoStageConfig(RankerConfig, ChatConfig):
    """Settings of the stage."""


class YesNoStage(_Ranker, YesNo):
    """Each passage by itself: does it answer the query?"""

    Config = YesNoStageConfig


class LikelihoodStageConfig(LikelihoodConfig, ChatConfig):
    """Settings of the stage."""


class LikelihoodStage(_Ranker, QueryLikelihood):
    """Each passage by itself: how likely does it make the query?"""

    Config = LikelihoodStageConfig


class PairwiseStageConfig(PairwiseConfig, ChatConfig):
    """Settings of the stage."""


class PairwiseStage(_Ranker, Pairwise):
    """Two passages at a time, in both orders."""

    Config = PairwiseStageConfig


class SetwiseStageConfig(SetwiseConfig, ChatConfig):
    """Settings of the stage."""


class SetwiseStage(_Ranker, Setwise):
    """The best of a few passages at a time."""

    Config = SetwiseStageConfig


class ListwiseStageConfig(ListwiseConfig, ChatConfig):
    """Settings of the stage."""

    shuffles: int = Field(1, ge=1)
    """Orders in which each list is shown; more than one are put together by Borda's count."""


class ListwiseStage:
    """A window of passages at a time, and the order asked for."""

    Config = ListwiseStageConfig
    kind = "reranker"

    def __init__(self, config: ListwiseStageConfig, index: SearchIndex, name: str) -> None:
        self.name = name
        inner = Listwise(shared_chat(config), config, name)
        several = config.shuffles > 1
        self._ranker = SelfConsistent(inner, config.shuffles, name=name) if several else inner

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the head in a new order."""
        return self._ranker.rerank(results, texts, k)


class _Gated(Config):
    """Settings of the gate that all rewriting stages have."""

    gate: Literal["none", "max-idf", "clarity"] = "max-idf"
    """Leave queries alone that look easy: those with a rare word, or those whose first documents
    speak a language of their own."""
    rare: int = Field(10, ge=1)
    """max-idf: a query is easy that has a word which at most so many documents have."""
    clear: float = 2.0
    """clarity: a query is easy from so many bits on."""


class RareWords:
    """The gate by the rarest word, from the index as it stands."""

    def __init__(self, index: SearchIndex, rare: int) -> None:
        self._index, self._rare = index, rare

    def hard(self, queries: Sequence[Query]) -> list[bool]:
        """True where every word of a query stands in more than ``rare`` documents."""
        words = BM25(BM25Config(), self._index)
        with self._index.reading() as snapshot:
            field = words.field(snapshot, FLAT)
            return [
                not any(
                    0 < field.frequency(term) <= self._rare
                    for term in self._index.analyzer.terms(query.text)
                )
                for query in queries
            ]


def gate(config: _Gated, index: SearchIndex) -> Gate | None:
    """The gate of these settings."""
    if config.gate == "none":
        return None
    if config.gate == "max-idf":
        return RareWords(index, config.rare)
    settings = DifficultyConfig(by="clarity", easy_above=config.clear)
    bm25 = BM25(BM25Config(), index)
    return Difficulty(statistics(index), settings, bm25, index)


def statistics(index: SearchIndex) -> CollectionStatistics:
    """Counts of an index's terms, made by one pass over its documents for each state of it."""
    with index.reading() as snapshot:
        return snapshot.once(
            ("collection statistics",),
            lambda: CollectionStatistics.of(_flat_texts(snapshot), index.analyzer.terms),
        )


def _flat_texts(snapshot: Snapshot) -> list[str]:
    appended = snapshot.config.appended
    return [flat_text(snapshot.document(id_), appended) for id_ in snapshot.store.ids()]


class _Rewriter:
    """What makes a rewriter a stage."""

    kind: ClassVar[str] = "rewriter"

    def __init__(self, config: Any, index: SearchIndex, name: str) -> None:
        super().__init__(shared_chat(config), config, gate(config, index), name)  # type: ignore[call-arg]


class RewritingStageConfig(RewriterConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class RewritingStage(_Rewriter, Rewriting):
    """One better wording."""

    Config = RewritingStageConfig


class Query2DocStageConfig(Query2DocConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class Query2DocStage(_Rewriter, Query2Doc):
    """A made-up passage after the query repeated."""

    Config = Query2DocStageConfig


class HyDEStageConfig(HyDEConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class HyDEStage(_Rewriter, HyDE):
    """Made-up passages, for dense retrievers."""

    Config = HyDEStageConfig


class MultiQueryStageConfig(MultiQueryConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class MultiQueryStage(_Rewriter, MultiQuery):
    """Several wordings."""

    Config = MultiQueryStageConfig


class DecompositionStageConfig(DecompositionConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class DecompositionStage(_Rewriter, Decomposition):
    """The questions that a long one is made of."""

    Config = DecompositionStageConfig


class GroundedStageConfig(GroundedConfig, ChatConfig, _Gated):
    """Settings of the stage."""


class GroundedStage(Grounded):
    """A made-up passage by a model that has read the first documents of BM25."""

    Config = GroundedStageConfig
    kind = "rewriter"

    def __init__(self, config: GroundedStageConfig, index: SearchIndex, name: str) -> None:
        bm25 = BM25(BM25Config(), index)
        super().__init__(shared_chat(config), config, bm25, index, gate(config, index), name)


class CorrectionStage:
    """Spelling, held against the words of the index."""

    Config = CorrectionConfig
    kind = "rewriter"

    def __init__(self, config: CorrectionConfig, index: SearchIndex, name: str) -> None:
        self.name, self._config, self._index = name, config, index

    def rewrite(self, queries: Sequence[Query]) -> list[Expansion]:
        """The query, and its corrected spelling where it has another."""
        with self._index.reading() as snapshot:
            corrector = snapshot.once(
                ("corrector", self._config.model_dump_json()),
                lambda: Corrector(_flat_texts(snapshot), config=self._config),
            )
        corrector.name = self.name
        return corrector.rewrite(queries)


class LearnedConfig(Config):
    """Settings of a stage that was learned before."""

    folder: str = Field(min_length=1)
    """Folder that it was saved to."""
    stages: tuple[str, ...] = ("bm25",)
    """LambdaMART: retrievers whose scores and ranks it was learned on."""


class CrossEncoderStage:
    """A distilled cross-encoder, from its folder."""

    Config = LearnedConfig
    kind = "reranker"

    def __init__(self, config: LearnedConfig, index: SearchIndex, name: str) -> None:
        self.name = name
        self._inner = CrossEncoder.load(Path(config.folder))
        self._inner.name = name

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the head in a new order."""
        return self._inner.rerank(results, texts, k)


class LambdaMARTStage:
    """LambdaMART, from its folder."""

    Config = LearnedConfig
    kind = "reranker"

    def __init__(self, config: LearnedConfig, index: SearchIndex, name: str) -> None:
        self.name, self._config, self._index = name, config, index

    def rerank(
        self, results: Sequence[Results], texts: Texts, k: int | None = None
    ) -> list[Results]:
        """The same hits, the head in a new order."""
        features = Features(statistics(self._index), texts, self._config.stages)
        trees = LambdaMART(features).load(Path(self._config.folder))
        trees.name = self.name
        return trees.rerank(results, texts, k)
