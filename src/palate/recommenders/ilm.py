"""ILM: query tokens from a behaviour vector in front of a frozen language model.

Yang et al., "Item-Language Model for Conversational Recommendation", arXiv:2406.02844. Three
phases: matrix factorisation of the training events gives each item a vector; a Q-Former turns it
into K tokens that are aligned with the item's text, and with items and users that it goes with;
those tokens stand beside the title in prompts of a language model that never changes, while the
Q-Former and one linear layer go on learning from the answers. The catalogue is ranked by beam
search among its titles.

There is no official code. Chosen here: ALS for the vectors, the sizes of everything, titles as
answers where the paper's second benchmark has made-up ids, and the epoch by NDCG@10 of validation
users. ``tuning=lora`` is the paper's other reading, in which the language model learns too.

``alignment=none`` is the paper's control of a Q-Former that was never aligned, and ``encoder=mlp``
the one without queries; both train in the last phase as the method does, on as many weights.

Legend: u users, i items of the catalogue, c width of a behaviour vector, k tokens of an item, h
hidden size of the language model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from rich.console import Console

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import RunError
from palate.language.generation import Vectors
from palate.language.prompts import Message, Prompt, Slot, Span, Text, chat
from palate.language.qformer import QFormer, QFormerConfig, TextSide, mean_cosine
from palate.recommenders.als import ALS, ALSConfig
from palate.recommenders.base import FitContext, Scores
from palate.recommenders.item_tokens import MLP, ItemTokens
from palate.recommenders.item_vectors import altered, standardised
from palate.recommenders.nested import fit_nested, load_nested, nested_state
from palate.recommenders.prompting import PromptConfig, PromptRecommender
from palate.recommenders.title_search import TitleSearch
from palate.training.fit import Learned, fit
from palate.training.item_alignment import (
    Alignment,
    AlignmentConfig,
    AlignmentExamples,
    AlignmentNet,
    NumberedTexts,
)

CONTROL_SEED = 0


class ILMConfig(PromptConfig):
    """Settings of ILM."""

    alignment: Alignment = "it+ii"
    """What the Q-Former learns before it meets the language model: it is item and text, ii items
    that follow one another, ui users and their items. none is the control."""
    encoder: Literal["qformer", "mlp"] = "qformer"
    """What makes tokens of a behaviour vector; mlp is the control, with as many weights."""
    qformer: QFormerConfig = QFormerConfig()
    """The Q-Former."""
    aligning: AlignmentConfig = AlignmentConfig()
    """Training of the alignment."""
    text_columns: tuple[str, ...] | None = None
    """Columns of the item table that alignment reads after the title; null takes genres,
    categories and text where they exist."""
    titles: bool = True
    """Put each item's title before its tokens; no leaves the tokens alone."""
    cf: ALSConfig = ALSConfig()
    """The matrix factorisation that behaviour vectors come from."""
    beams: int = Field(20, ge=1)
    """Titles that the search ends with; the others share the last place."""
    tuning: Literal["lora", "frozen"] = "frozen"
    """What training changes in the language model: nothing, as in the paper, or an adapter."""
    learning_rate: float = Field(1e-3, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.encoder == "mlp" and self.alignment != "none":
            raise ValueError("encoder=mlp has no queries to align; add alignment=none")
        return self


class ILM(PromptRecommender):
    """Query tokens in the prompts of a frozen language model."""

    name = "ilm"
    summary = "query tokens from a behaviour vector in front of a frozen language model"
    Config = ILMConfig
    config: ILMConfig
    aligned: Learned | None = None
    cosines: torch.Tensor
    """[2] mean cosine of the pairs among an item's tokens, before they meet the language model
    and after: 1 where K tokens say no more than one."""
    _cf: ALS
    _titles: TitleSearch | None = None

    def prompt(self, history: Sequence[int], target: int | None = None) -> Prompt:
        config, titles = self.config, self.titles
        spans: list[Span] = [Text(f"Someone liked these {config.nouns}, oldest first: ")]
        for place, item in enumerate(history[-config.length :]):
            before = "; " if place else ""
            spans.append(Text(before + (f"{titles[item]} " if config.titles else "")))
            spans.append(Slot(item, config.qformer.queries, config.noun))
        spans.append(
            Text(f". Which {config.noun} will they like next? Answer with its title alone.")
        )
        answer = None if target is None else titles[target]
        return chat(self.backbone.tokenizer, [Message("user", tuple(spans))], answer)

    def bridge(self) -> ItemTokens:
        """Without behaviour vectors as yet: they are learned, or loaded, later."""
        config, source = self.config, self.config.cf.factors
        encoder: QFormer | MLP = QFormer(source, config.qformer)
        if config.encoder == "mlp":
            budget = sum(weights.numel() for weights in encoder.parameters())
            encoder = MLP(source, *encoder.outputs, budget)
        vectors = torch.zeros(len(self.catalogue), source)
        size = self.backbone.embedding_size
        return ItemTokens(vectors, encoder, self.backbone.hidden_size, size)

    @property
    def tokens(self) -> ItemTokens:
        """The bridge."""
        assert isinstance(self.net.bridge, ItemTokens)
        return self.net.bridge

    def _place(self, catalogue: Catalogue, seed: int = 0) -> None:
        super()._place(catalogue, seed)
        self._titles = None

    def _take(self, cf: Any) -> None:
        assert isinstance(cf, ALS)
        self._cf = cf
        self.tokens.vectors.copy_(standardised(torch.from_numpy(cf.item_vectors)))

    def _prepare(self, split: Split, context: FitContext) -> None:
        self._take(fit_nested("als", self.config.cf.model_dump(), split, context))
        if self.config.alignment != "none":
            self._align(split, context)
        self.cosines = torch.tensor([self._cosine(), float("nan")])

    def _align(self, split: Split, context: FitContext) -> None:
        """Phase 1: the Q-Former alone. The text side and its heads are let go afterwards."""
        config, encoder = self.config, self.tokens.encoder
        assert isinstance(encoder, QFormer)
        texts = NumberedTexts(
            self.backbone,
            split.catalogue.texts(config.text_columns),
            config.aligning.max_tokens,
        )
        sequences = split.train.sequences()
        examples = AlignmentExamples(sequences, texts)
        users = standardised(torch.from_numpy(self._cf.user_vectors(sequences)))
        net = AlignmentNet(
            encoder,
            TextSide(texts.table, texts.length, config.qformer),
            self.tokens.vectors.clone(),
            users,
            config.alignment,
            config.aligning,
        ).to(self.backbone.device)
        alone = FitContext(seed=context.seed, progress=context.progress)  # no checkpoints
        self.aligned = fit(net, examples, examples.collate, config.aligning, None, alone)

    def _train(self, split: Split, context: FitContext) -> None:
        before = self._fingerprint()
        super()._train(split, context)
        if self._fingerprint() != before:
            raise RunError(
                f"training changed the weights of '{self.config.model}', which are to stay as "
                "they are; nothing learned from it can be trusted"
            )

    def _fingerprint(self) -> str:
        """Of the language model itself."""
        with self.backbone.adapters.disabled():
            return self.backbone.fingerprint()

    def _settle(self, split: Split, context: FitContext) -> None:
        self.cosines[1] = self._cosine()
        if context.progress:
            aligned, tuned = self.cosines.tolist()
            Console(stderr=True).print(
                f"query tokens  mean cosine {aligned:.3f} before the language model, {tuned:.3f} "
                f"after  {self.trainable_parameters:,} weights trained",
                soft_wrap=True,
                highlight=False,
            )

    def _cosine(self) -> float:
        self.net.eval()
        with torch.no_grad():
            return mean_cosine(self.tokens.encoder(self.tokens.vectors))

    def answer(self, histories: Histories) -> Scores:
        return self._search(self.tokens, histories)

    def _search(self, vectors: Vectors, histories: Histories) -> Scores:
        if self._titles is None:
            end = self.prompt([]).end
            self._titles = TitleSearch(self.backbone, self.titles, end)
        return self._titles.score(
            self.prompts(histories),
            self.config.beams,
            vectors=vectors,
            batch_tokens=self.config.batch_tokens,
        )

    def other_vectors(self) -> dict[str, Vectors]:
        """What can stand in the tokens' place to see whether they are used."""
        tokens = self.tokens
        own = tokens.vectors.cpu()
        permuted, random = (
            altered(own, how, CONTROL_SEED).to(tokens.vectors) for how in ("permuted", "random")
        )
        return {
            "tokens zeroed": lambda slots: torch.zeros_like(tokens(slots)),
            "vectors permuted": partial(tokens, vectors=permuted),
            "vectors random": partial(tokens, vectors=random),
        }

    def controls(self) -> Mapping[str, Callable[[Histories], Scores]]:
        """What the method has to beat: its prompts without what is in the tokens, and the vectors
        without a language model. Where these score as well, the bridge is decoration."""
        others = self.other_vectors().items()
        return {name: partial(self._search, vectors) for name, vectors in others} | {
            "als alone": self._cf.score
        }

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | {"cosines": self.cosines} | nested_state(self._cf, "cf")

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        super().load_state(state, catalogue)
        self._take(load_nested("als", self.config.cf.model_dump(), state, "cf", catalogue))
        self.cosines = state["cosines"]
