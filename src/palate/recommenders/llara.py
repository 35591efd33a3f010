"""LLaRA: titles with projected behaviour vectors, learned on a curriculum.

Liao et al., "LLaRA: Large Language-Recommendation Assistant", SIGIR 2024, arXiv:2312.02445. Each
item enters the language model as its title and one vector behind it: what a frozen sequential
recommender knows of the item, through a projector. Training goes from prompts of text alone to
such hybrid prompts; the answer is a title.

Chosen here: one form of prompt instead of three; text-only batches hide the vectors, where the
released code puts a fixed random one in their place; the answer ends with the end-of-sequence
token instead of a line end. The paper picks among 20 candidates (:meth:`LLaRA.choose`,
``candidates=20``); here the catalogue is ranked as well, by beam search among its titles.

Legend: u users, i items of the catalogue, d width of an item's vector, m candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from transformers import TrainerCallback

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.evaluation.candidates import candidate_list
from palate.evaluation.ranking import Indices
from palate.language.adapters import AdapterConfig
from palate.language.beam_search import BeamSettings
from palate.language.generation import generate, likelihoods
from palate.language.prompts import Prompt, Slot, Span, Text
from palate.recommenders.base import FitContext, Recommender, Scores
from palate.recommenders.item_vectors import Vectors, altered, item_table, standardised
from palate.recommenders.llara_net import (
    Curriculum,
    HybridNet,
    Projector,
    Schedule,
)
from palate.recommenders.nested import fit_nested, load_nested, nested_state
from palate.recommenders.prompting import PromptConfig, PromptRecommender
from palate.recommenders.title_search import TitleSearch
from palate.training.fit import Validation
from palate.training.parameters import decay_groups

CONTROLS: dict[str, Vectors] = {
    "zeroed vectors": "zero",
    "permuted vectors": "permuted",
    "random vectors": "random",
}
CONTROL_SEED = 0


class LLaRAAdapterConfig(AdapterConfig):
    """The released adapter: of rank 8, on all linear layers."""

    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)


class LLaRAConfig(PromptConfig):
    """Settings of LLaRA."""

    cf: str = "sasrec"
    """Recommender whose item vectors are projected, trained on the same events: sasrec, gru4rec,
    caser, als or bpr."""
    cf_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings where they are not to be its defaults."""
    item_vectors: Vectors = "learned"
    """What is projected. zero, permuted (each item has another's) and random are controls that
    training lives with from its start."""
    prompt: Literal["hybrid", "behaviour-only"] = "hybrid"
    """hybrid: titles with vectors. behaviour-only: a history of vectors alone, a control."""
    curriculum: Schedule = "curriculum"
    """curriculum: the share of hybrid batches rises from none to all over the training. direct:
    hybrid throughout. two-stage: text alone for two fifths of the steps, then hybrid. text-only:
    no vectors at all, in recommending neither."""
    candidates: int | None = Field(None, ge=2)
    """Candidates that a training prompt lists, the answer among them; all epochs are then run, for
    nothing ranks the catalogue by such prompts. null asks openly, which is how the catalogue is
    ranked in either case."""
    projector_learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate of the projector; the adapter learns at learning_rate."""
    beams: int = Field(10, ge=1)
    """Beams of the search among the catalogue's titles: so many items are told apart."""
    title_tokens: int = Field(48, ge=1)
    """Tokens of a title that prompts tell of; answers hold all of it."""
    max_tokens: int = Field(64, ge=2)
    """Tokens of an answer that is written freely, to a list of candidates."""
    adapter: LLaRAAdapterConfig = LLaRAAdapterConfig()
    epochs: int = Field(5, ge=1)
    patience: int = Field(5, ge=1)
    weight_decay: float = Field(1e-5, ge=0)
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = "cosine"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.prompt == "behaviour-only" and self.curriculum != "direct":
            raise ValueError(
                f"curriculum={self.curriculum} has batches of text alone, which tell nothing where "
                "prompt=behaviour-only; set curriculum=direct"
            )
        if self.tuning == "frozen" and self.curriculum != "direct":
            raise ValueError(
                f"curriculum={self.curriculum} has batches of text alone, which teach nothing "
                "where tuning=frozen; set curriculum=direct"
            )
        return self


class LLaRA(PromptRecommender):
    """Hybrid prompts over a frozen recommender's item vectors.

    Attributes:
        steps: for each training step, the chance that it was hybrid, and whether it was.
    """

    name = "llara"
    summary = "titles with projected behaviour vectors, learned on a curriculum"
    Config = LLaRAConfig
    config: LLaRAConfig
    net: HybridNet
    steps: list[tuple[float, bool]]
    _cf: Recommender | None = None
    _table: torch.Tensor | None = None
    _curriculum: Curriculum | None = None
    _titles: TitleSearch | None = None

    def prompt(
        self,
        history: Sequence[int],
        target: int | None = None,
        candidates: Sequence[int] | None = None,
    ) -> Prompt:
        """The history and, where they are given, the candidates; the answer is a title."""
        config = self.config
        titled = config.prompt == "hybrid"
        spans: list[Span] = [Text(f"Someone liked these {config.nouns}, oldest first: ")]
        spans += self._listed(history[-config.length :], titled)
        if candidates is None:
            spans.append(Text(f".\nWhich {config.noun} will they like next? "))
        else:
            spans.append(Text(f".\nOne of these {config.nouns} is what they like next: "))
            spans += self._listed(candidates, titled=True)
            spans.append(Text(f".\nWhich {config.noun} is it? "))
        spans.append(Text("Answer with one title and nothing else.\nTitle:\n"))
        return Prompt(tuple(spans), answer=None if target is None else self.titles[target])

    def _listed(self, items: Sequence[int], titled: bool) -> list[Span]:
        """Title and vector of each item, or one of the two."""
        spans: list[Span] = []
        for number, item in enumerate(items):
            before = ", " if number else ""
            spans.append(Text(before + self._shown(item) if titled else before))
            if self.config.curriculum != "text-only":
                spans.append(Slot(item, label="behaviour of item"))
        return spans

    def _shown(self, item: int) -> str:
        """A title as prompts have it: no longer than it may be, on one line."""
        if item not in self._clipped:
            title = " ".join(self.titles[item].split())
            clipped = self.backbone.tokenizer.clip(title, self.config.title_tokens)
            self._clipped[item] = clipped
        return self._clipped[item]

    def bridge(self) -> Projector | None:
        if self._table is None:
            return None
        return Projector(self._table, self.backbone.hidden_size, self.backbone.embedding_size)

    def _place(self, catalogue: Catalogue, seed: int = 0) -> None:
        super()._place(catalogue, seed)
        self.net = HybridNet(self.net.backbone, self.net.bridge)
        self._clipped: dict[int, str] = {}
        self._titles = None

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        config = self.config
        if config.curriculum != "text-only":
            self._cf = fit_nested(config.cf, config.cf_settings, split, context)
            table = standardised(item_table(self._cf))
            self._table = altered(table, config.item_vectors, context.seed)
        super().fit(split, context)
        self.steps = [] if self._curriculum is None else self._curriculum.log
        return self

    def example(self, history: Sequence[int], target: int, random: np.random.Generator) -> Prompt:
        m, shown = self.config.candidates, None
        if m is not None:
            shown = candidate_list(history, target, len(self.catalogue), m, random)
        return self.prompt(history, target, shown)

    def validation(self, split: Split, seed: int) -> Validation | None:
        """By the full ranking; None where prompts list candidates: a place among a few that were
        drawn is no ranking, and open prompts are not what training has."""
        return super().validation(split, seed) if self.config.candidates is None else None

    def callbacks(self, context: FitContext) -> list[TrainerCallback]:
        self._curriculum = Curriculum(self.net, self.config.curriculum, context.seed)
        return [self._curriculum]

    def groups(self) -> list[dict[str, Any]]:
        rates = {} if self.net.bridge is None else {"bridge": self.config.projector_learning_rate}
        return decay_groups(self.net, self.config.weight_decay, rates)

    def answer(self, histories: Histories) -> Scores:
        if self._titles is None:
            self._titles = TitleSearch(self.backbone, self.titles)
        return self._titles.score(
            self.prompts(histories),
            self.config.beams,
            vectors=self.net.bridge,
            batch_tokens=self.config.batch_tokens,
        )

    def choose(self, histories: Histories, candidates: Indices) -> list[str]:
        """[u] what the model writes when it is asked to choose, most probable token by token.

        Args:
            candidates: [u, m] item indices, in the order in which they are shown.
        """
        found = generate(
            self.backbone,
            self._asked(histories, candidates),
            BeamSettings(beams=1, max_tokens=self.config.max_tokens, early_stopping=True),
            vectors=self.net.bridge,
            batch_tokens=self.config.batch_tokens,
        )
        return [self.backbone.tokenizer.decode(beams[0].tokens).strip() for beams in found]

    def rank_candidates(self, histories: Histories, candidates: Indices) -> Scores:
        """[u, m] log-probability of each candidate's title as the answer, in one pass."""
        titles = self.titles
        found = likelihoods(
            self.backbone,
            self._asked(histories, candidates),
            [[titles[item] for item in items] for items in candidates.tolist()],
            vectors=self.net.bridge,
            batch_tokens=self.config.batch_tokens,
        )
        return torch.stack(found).numpy()

    def _asked(self, histories: Histories, candidates: Indices) -> list[Prompt]:
        return [
            self.prompt(history.tolist(), candidates=items)
            for history, items in zip(histories, candidates.tolist(), strict=True)
        ]

    def controls(self) -> dict[str, Callable[[Histories], Scores]]:
        """What the method has to beat: itself with other vectors, and those who lent theirs."""
        found: dict[str, Callable[[Histories], Scores]] = {
            "popularity": lambda histories: np.tile(self.popularity, (len(histories), 1)),
        }
        if self._cf is not None:
            found[f"{self.config.cf} alone"] = self._cf.score
            if self.config.item_vectors == "learned":
                found |= {name: self._reading(how) for name, how in CONTROLS.items()}
        return found

    def _reading(self, how: Vectors) -> Callable[[Histories], Scores]:
        def score(histories: Histories) -> Scores:
            assert isinstance(self.net.bridge, Projector)
            with self.net.bridge.reading(altered(self.net.bridge.table.cpu(), how, CONTROL_SEED)):
                return self.score(histories)

        return score

    def state(self) -> dict[str, torch.Tensor]:
        own = {"steps": torch.tensor(self.steps, dtype=torch.float32).reshape(-1, 2)}
        if self._table is not None:
            own["table"] = self._table
        cf = {} if self._cf is None else nested_state(self._cf, "cf")
        return super().state() | own | cf

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        config = self.config
        if config.curriculum != "text-only":
            self._table = state["table"]
            self._cf = load_nested(config.cf, config.cf_settings, state, "cf", catalogue)
        super().load_state(state, catalogue)
        self.steps = [(p, bool(hybrid)) for p, hybrid in state["steps"].tolist()]
