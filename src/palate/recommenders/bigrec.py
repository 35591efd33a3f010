"""BIGRec: a language model writes a title, and the catalogue's nearest items are recommended.

Bao et al., "A Bi-Step Grounding Paradigm for Large Language Models in Recommendation Systems",
arXiv:2308.08434, ACM TORS 2025. First step: tuned on few examples, the model writes what someone
might like next. Second step: the model without its adapter embeds what was written and all titles,
and items are ranked by distance; popularity or another recommender's scores may shorten it.

As released: Alpaca's form of prompt, titles in quotes, an adapter of rank 8 on queries and values,
1,024 examples, the first of four beams, the last token's state after the final norm. Chosen here:
the loss on the answer alone (``learn_prompt=yes`` is the released form), and the epoch by NDCG@10
of validation users.

``decoding=constrained`` is a later form of the same idea without the second step: beam search over
the catalogue's titles, sums of log-probabilities without length normalisation, and a text-free
recommender mixed in token by token (D3: Bao et al., "Decoding Matters", EMNLP 2024).

Legend: u users, i items of the catalogue, h hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.evaluation.ranking import ndcg
from palate.language.adapters import AdapterConfig
from palate.language.beam_search import BeamSettings, TextFree
from palate.language.embeddings import embed
from palate.language.generation import generate
from palate.language.prompts import Prompt
from palate.recommenders.base import FitContext, Recommender, Scores
from palate.recommenders.grounding import GAMMAS, best_gamma, distances, injected
from palate.recommenders.nested import fit_nested, load_nested, nested_state
from palate.recommenders.prompting import PromptConfig, PromptRecommender
from palate.recommenders.title_search import TitleSearch


class BIGRecAdapterConfig(AdapterConfig):
    """The released adapter: on queries and values."""

    targets: Literal["all-linear"] | tuple[str, ...] = ("q_proj", "v_proj")


class BIGRecConfig(PromptConfig):
    """Settings of BIGRec."""

    adapter: BIGRecAdapterConfig = BIGRecAdapterConfig()
    learning_rate: float = Field(1e-3, gt=0)
    decoding: Literal["grounded", "constrained"] = "grounded"
    """grounded: write freely, then look for the nearest titles. constrained: search among the
    catalogue's titles (D3)."""
    beams: int = Field(4, ge=1)
    """Beams of the search; grounded takes the first, constrained ranks all of them."""
    max_tokens: int = Field(32, ge=2)
    """Tokens written at most."""
    statistics: Literal["none", "popularity", "cf"] = "none"
    """What is mixed in: nothing, how popular items are, or a recommender that reads no text."""
    cf: str = "sasrec"
    """That recommender, trained on the same events."""
    cf_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings where they are not to be its defaults."""
    gamma: float | None = Field(None, ge=0)
    """How much statistics shorten distances; null tunes it on validation users for NDCG@10."""
    share: float = Field(0.5, ge=0, le=1)
    """Share of the language model where decoding=constrained and statistics=cf."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.decoding == "constrained" and self.statistics == "popularity":
            raise ValueError("statistics=popularity goes with decoding=grounded; use cf or none")
        return self


class BIGRec(PromptRecommender):
    """Write a title, then ground it in the catalogue."""

    name = "bigrec"
    summary = "a language model writes a title, the nearest items are recommended"
    Config = BIGRecConfig
    config: BIGRecConfig
    _cf: Recommender | None = None
    _gamma = 0.0
    _vectors: torch.Tensor | None = None
    _titles: TitleSearch | None = None

    def prompt(self, history: Sequence[int], target: int | None = None) -> Prompt:
        config, titles = self.config, self.titles
        liked = ", ".join(quoted(titles[item]) for item in history[-config.length :])
        return Prompt.of(
            "Here is a task, with what is needed for it. Write the response that fulfils it.\n\n"
            f"### Instruction:\nSomeone enjoyed the {config.nouns} below, oldest first. "
            f"Recommend one more {config.noun} to them.\n\n"
            f"### Input:\n{config.nouns.capitalize()} enjoyed: {liked}\n\n### Response:\n",
            answer=None if target is None else quoted(titles[target]),
        )

    def _place(self, catalogue: Catalogue, seed: int = 0) -> None:
        super()._place(catalogue, seed)
        self._vectors = self._titles = None

    def _prepare(self, split: Split, context: FitContext) -> None:
        if self.config.statistics == "cf":
            self._cf = fit_nested(self.config.cf, self.config.cf_settings, split, context)

    def _settle(self, split: Split, context: FitContext) -> None:
        config = self.config
        if config.decoding == "constrained" or config.statistics == "none":
            return
        self._gamma = config.gamma or 0.0
        if config.gamma is None:
            cases = self.validation_cases(split, context.seed)
            self._gamma = best_gamma(
                self.distances(cases.histories),
                self.weights(cases.histories),
                cases,
                partial(ndcg, k=10),
                GAMMAS[config.statistics],
            )

    def write(self, histories: Histories, progress: bool = False) -> list[str]:
        """What the language model writes for each history: the first beam, without quotes."""
        settings = BeamSettings(self.config.beams, self.config.max_tokens)
        found = generate(
            self.backbone,
            self.prompts(histories),
            settings,
            batch_tokens=self.config.batch_tokens,
            progress=progress,
        )
        decode = self.backbone.tokenizer.decode
        return [unquoted(decode(beams[0].tokens)) for beams in found]

    def vectors(self, texts: Sequence[str], keep: bool = False) -> torch.Tensor:
        """[n, h] what the model without its adapter makes of texts."""
        with self.backbone.adapters.disabled():
            return embed(
                self.backbone,
                texts,
                pooling="last",
                cache=keep,
                batch_tokens=self.config.batch_tokens,
            )

    def item_vectors(self) -> torch.Tensor:
        """[i, h] of the catalogue's titles."""
        if self._vectors is None:
            self._vectors = self.vectors([unquoted(t) for t in self.titles], keep=True)
        return self._vectors

    def distances(self, histories: Histories) -> Scores:
        """[u, i] from what is written for each history to each title."""
        return distances(self.vectors(self.write(histories)), self.item_vectors())

    def weights(self, histories: Histories) -> Scores:
        """[u, i] or [i] the statistics that are mixed in."""
        return self.popularity if self._cf is None else self._cf.score(histories)

    def answer(self, histories: Histories) -> Scores:
        if self.config.decoding == "constrained":
            return self._search(histories)
        distance = self.distances(histories)
        if self.config.statistics != "none":
            distance = injected(distance, self.weights(histories), self._gamma)
        return -distance

    def _search(self, histories: Histories) -> Scores:
        """Log-probabilities of the titles that beams end in; the others share the last place."""
        if self._titles is None:
            titles = [quoted(title) for title in self.titles]
            self._titles = TitleSearch(self.backbone, titles)
        text_free = None
        if self._cf is not None:
            weights = torch.from_numpy(self._cf.score(histories)).softmax(-1)
            text_free = TextFree(weights, self.config.share)
        return self._titles.score(
            self.prompts(histories),
            self.config.beams,
            text_free=text_free,
            batch_tokens=self.config.batch_tokens,
        )

    def controls(self) -> dict[str, Callable[[Histories], Scores]]:
        """What the method has to beat: the same without training, without writing, without text."""
        found: dict[str, Callable[[Histories], Scores]] = {
            "nearest to the last title": self._nearest_to_last,
            "popularity": lambda histories: np.tile(self.popularity, (len(histories), 1)),
        }
        if self.config.samples != 0:
            found["zero-shot"] = self._untrained
        if self._cf is not None:
            found[f"{self.config.cf} alone"] = self._cf.score
        return found

    def _nearest_to_last(self, histories: Histories) -> Scores:
        items = self.item_vectors()
        known = histories.lengths > 0
        last = histories.items[histories.offsets[1:][known] - 1]
        scores = np.tile(self.popularity, (len(histories), 1))
        scores[known] = -distances(items[last], items)
        return scores

    def _untrained(self, histories: Histories) -> Scores:
        with self.backbone.adapters.disabled():
            return self.score(histories)

    def state(self) -> dict[str, torch.Tensor]:
        cf = {} if self._cf is None else nested_state(self._cf, "cf")
        return super().state() | {"gamma": torch.tensor(self._gamma)} | cf

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        super().load_state(state, catalogue)
        self._gamma = float(state["gamma"])
        config = self.config
        if config.statistics == "cf":
            self._cf = load_nested(config.cf, config.cf_settings, state, "cf", catalogue)


def quoted(title: str) -> str:
    """A title as prompts and answers have it."""
    return f'"{title}"'


def unquoted(text: str) -> str:
    """What was written or is in the catalogue: its first line, without quotes and outer spaces."""
    return text.strip().partition("\n")[0].strip().strip('"').strip()
