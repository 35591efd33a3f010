"""Ways to ask a model for an order, and students of its scores."""

from __future__ import annotations

from typing import Any

from claims.llm4search_parts.experiment import SETTINGS, Experiment


def ranking(run: Experiment) -> list[dict[str, Any]]:
    """Each way to ask for an order, over the same lists."""
    from palate.search.ranking.listwise import Listwise, ListwiseConfig, SelfConsistent
    from palate.search.ranking.pairwise import Pairwise, PairwiseConfig
    from palate.search.ranking.pointwise import LikelihoodConfig, QueryLikelihood, YesNo
    from palate.search.ranking.reranker import RankerConfig
    from palate.search.ranking.setwise import Setwise, SetwiseConfig

    depth, words, few = SETTINGS["depth"], SETTINGS["words"], SETTINGS["list words"]
    settle, model = SETTINGS["settle"], run.model
    one, many = {"depth": depth, "words": words}, {"depth": depth, "words": few}
    rankers = {
        "query likelihood": QueryLikelihood(model, LikelihoodConfig(**one)),
        "pointwise yes/no": YesNo(model, RankerConfig(**one)),
        "setwise heapsort": Setwise(model, SetwiseConfig(**many, settle=settle)),
        "pairwise heapsort": Pairwise(model, PairwiseConfig(**many, settle=settle)),
        "listwise window": Listwise(model, ListwiseConfig(**many)),
        "single pass by letters": Listwise(model, ListwiseConfig(**many, read="letters")),
        "single pass, 3 shuffles": SelfConsistent(
            Listwise(model, ListwiseConfig(**many, read="letters")), 3
        ),
    }
    lists, claims = run.first(run.queries, 100), []
    for name, ranker in rankers.items():
        claims += run.compare(
            f"{name} beats BM25's order", lists, lambda r=ranker: r.rerank(lists, run.data)
        )
    return claims


def learned(run: Experiment) -> list[dict[str, Any]]:
    """Students of the model's own scores, on queries that nobody graded for them."""
    from palate.search.language_stages import statistics
    from palate.search.ranking.cross_encoder import CrossEncoder, CrossEncoderConfig
    from palate.search.ranking.features import Features
    from palate.search.ranking.lambdamart import LambdaMART, LambdaMARTConfig
    from palate.search.ranking.pointwise import LikelihoodConfig, QueryLikelihood
    from palate.training.context import FitContext

    if run.name == "noveleval":
        return []
    depth, words = SETTINGS["depth"], SETTINGS["words"]
    teaching = run.others[: min(SETTINGS["training queries"], 5 * run.given.queries)]
    lists, taught = run.first(run.queries, 100), run.first(teaching, depth)
    teacher = QueryLikelihood(run.model, LikelihoodConfig(depth=depth, words=words))
    claims = []

    def mart(by: str) -> list[Any]:
        features = Features(statistics(run.index), run.data, ["bm25"])
        config = LambdaMARTConfig(trees=100, leaves=7, least=20)
        if by == "people":
            grades = [[run.data.qrels[one.query.id].get(d, 0) for d in one.documents]
                      for one in taught]  # fmt: skip
            return LambdaMART(features, config).fit(taught, grades).rerank(lists, run.data, depth)
        ordered = teacher.rerank(taught, run.data)
        grades = [[3 - min(3, 3 * i // max(1, len(one.hits) // 2)) for i in range(len(one.hits))]
                  for one in ordered]  # fmt: skip
        return LambdaMART(features, config).fit(ordered, grades).rerank(lists, run.data, depth)

    def student() -> list[Any]:
        config = CrossEncoderConfig(words=words, hits=depth)
        made = CrossEncoder.load_encoder("minilm", config)
        ordered = teacher.rerank(taught, run.data)
        made.fit(ordered, run.data, validation=ordered[-5:], context=FitContext(run.given.seed))
        return made.rerank(lists, run.data, depth)

    for name, ours in {
        "LambdaMART taught by query likelihood": lambda: mart("model"),
        "LambdaMART taught by people's grades": lambda: mart("people"),
        "MiniLM taught by query likelihood (RankNet)": student,
    }.items():
        claims += run.compare(
            f"{name}, {len(teaching)} queries, beats BM25's order", lists, ours,
            paper="RankGPT's student: 53.0 and BM25 43.4 on BEIR, with 10k queries of gpt-3.5",
        )  # fmt: skip
    return claims
