"""TALLRec: a language model is asked whether someone will like an item, and answers yes or no.

Bao et al., "TALLRec: An Effective and Efficient Tuning Framework to Align Large Language Model
with Recommendation", RecSys 2023, arXiv:2305.00447; the backbone of LSAT (arXiv:2312.15599). The
prompt tells what was liked and what was not; the answer is read at the one position where it
stands. The released score puts the probabilities of the two answers, not their logits, through a
softmax, so that it stays near a half: ``scorer=double-softmax``. ``log-odds`` orders alike where
the two answers have nearly all of the probability, and spreads wider.

Different from the released code: the answer is one word and all that is learned (theirs learns the
prompt too: ``learn_prompt``); its tokens are found by tokenising answers, and its place is known,
not searched for; no adapter of an instruction-tuned model comes first, as the default model is
one.

For the whole catalogue a question per item would have to be asked, so another recommender finds
the ``retrieved`` best items, which are put in the order of the answers.

Legend: u users, i items of the catalogue, n questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from scipy.special import expit

from palate.data.cases import Cases, Histories, Indices, Split
from palate.data.catalogue import Catalogue
from palate.data.questions import Questions
from palate.errors import ConfigError
from palate.language.adapters import AdapterConfig
from palate.language.generation import answer_tokens, likelihoods
from palate.language.prompts import Prompt, Text
from palate.recommenders.base import Config, FitContext, Recommender, Scores
from palate.recommenders.interactions import item_counts
from palate.recommenders.nested import fit_nested, load_nested, nested_state
from palate.recommenders.prompting import ADAPTER, PromptConfig, PromptRecommender
from palate.recommenders.updates import Answers, JudgesLikes, Weights
from palate.training.fit import Learned, LikeValidation, fit
from palate.training.parameters import trained_tensors
from palate.training.prompts import PromptExamples
from palate.training.proximal import Near, ProximalNet

YES, NO = "Yes", "No"


class TALLRecAdapterConfig(AdapterConfig):
    """The released adapter: on queries and values."""

    targets: Literal["all-linear"] | tuple[str, ...] = ("q_proj", "v_proj")


class TALLRecConfig(PromptConfig):
    """Settings of TALLRec."""

    adapter: TALLRecAdapterConfig = TALLRecAdapterConfig()
    scorer: Literal["double-softmax", "log-odds"] = "double-softmax"
    """How the two answers become one number; see the method's description."""
    retriever: str = "ease"
    """Recommender that finds the items that are asked about, trained on the same events."""
    retriever_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings where they are not to be its defaults."""
    retrieved: int | None = Field(20, ge=1)
    """Items that are asked about for each person; the others follow as the retriever has them.
    null asks about the whole catalogue."""
    learning_rate: float = Field(1e-3, gt=0)


_Config = Config  # the name, inside the class, is the method's own


class TALLRec(JudgesLikes, PromptRecommender):
    """Will this person like this item? Yes or no."""

    name = "tallrec"
    summary = "a language model says whether someone will like an item"
    Config = TALLRecConfig
    config: TALLRecConfig
    low_rank = True
    _retriever: Recommender

    def __init__(self, config: _Config | None = None) -> None:
        super().__init__(config)
        self._given = self.config  # weights that are taken may bring another rank

    def question(
        self,
        history: Sequence[int],
        liked: Sequence[bool] | None,
        item: int,
        answer: bool | None = None,
    ) -> Prompt:
        """What the model reads.

        Args:
            liked: of each event of the history; None says that all were.
            answer: the right one, in training.
        """
        config, nouns = self.config, self.config.nouns
        recent = list(history[-config.length :])
        flags = [True] * len(recent) if liked is None else list(liked[-config.length :])
        lists = [
            ", ".join(
                f'"{self.titles[one]}"'
                for one, flag in zip(recent, flags, strict=True)
                if flag == wanted
            )
            for wanted in (True, False)
        ]
        text = (
            "Here is a task, with what is needed for it. Write the response that fulfils it.\n\n"
            f"### Instruction:\nGiven the {nouns} that someone liked and disliked, say whether "
            f'they will like one more {config.noun}. Answer "{YES}" or "{NO}".\n\n'
            f"### Input:\nLiked {nouns}: {lists[0]}\nDisliked {nouns}: {lists[1]}\n"
            f'Will they like the {config.noun} "{self.titles[item]}"?\n\n### Response:\n'
        )
        return Prompt((Text(text),), None if answer is None else (YES if answer else NO), end="")

    def prompt(self, history: Sequence[int], target: int | None = None) -> Prompt:
        """The question about *target*, whose answer is yes; or about what is most popular."""
        if target is not None:
            return self.question(history, None, target, answer=True)
        return self.question(history, None, int(self._unseen(self.popularity, history)[0]))

    def prompts(self, histories: Histories) -> list[Prompt]:
        """For each history the question about the item that the retriever has first."""
        found = self._retriever.score(histories)
        return [
            self.question(history.tolist(), liked, int(self._unseen(scores, history)[0]))
            for history, liked, scores in zip(histories, likes(histories), found, strict=True)
        ]

    @staticmethod
    def _unseen(scores: Scores, history: Sequence[int] | Indices) -> np.ndarray:
        """Items from the best on, those of the history last."""
        scores = scores.astype(np.float64)
        scores[np.asarray(history, dtype=np.int64)] = -np.inf
        return np.argsort(-scores, kind="stable")

    def _place(self, catalogue: Catalogue, seed: int = 0) -> None:
        super()._place(catalogue, seed)
        tokens = answer_tokens(self.backbone.tokenizer, [YES, NO], "")
        if tokens[0][0] == tokens[1][0]:
            raise ConfigError(
                f"'{self.config.model}' writes {YES} and {NO} with the same first token, so that "
                "its answers cannot be told apart there; choose another model"
            )

    def _prepare(self, split: Split, context: FitContext) -> None:
        config = self.config
        self._retriever = fit_nested(config.retriever, config.retriever_settings, split, context)

    def _train(self, split: Split, context: FitContext) -> None:
        sequences, n_items = split.train.sequences(), split.n_items
        train = Questions.of_likes(sequences, sequences.places(), n_items, context.seed)
        cases = self.validation_cases(split, context.seed).sequences()
        validation = Questions.of_likes(cases, cases.offsets[1:] - 1, n_items, context.seed)
        self.learn(train.some(self.config.samples, context.seed), validation, context)

    def begin(self, catalogue: Catalogue, seed: int) -> None:
        """An adapter that changes nothing yet."""
        torch.manual_seed(seed)
        self.config = self._given
        self._place(catalogue, seed)
        self.popularity = np.zeros(len(catalogue), dtype=np.float32)

    def learn(
        self,
        train: Questions,
        validation: Questions,
        context: FitContext,
        near: Near | None = None,
    ) -> Learned:
        """Learn to answer the questions of *train*, all of them."""
        cases = train.cases(self.config.length)
        prompts = self.questions(cases)
        examples = PromptExamples(self.backbone, prompts, self.config.learn_prompt)
        judged = LikeValidation(validation, self.predict)
        self.learned = fit(
            self.net if near is None else ProximalNet(self.net, near),
            examples,
            examples.collate,
            self.config,
            judged,
            context,
        )
        return self.learned

    def questions(self, cases: Cases) -> list[Prompt]:
        """Prompts with answers."""
        assert cases.liked is not None
        several = zip(
            (history.tolist() for history in cases.histories),
            likes(cases.histories),
            cases.targets.tolist(),
            cases.liked.tolist(),
            strict=True,
        )
        return [self.question(known, liked, item, answer) for known, liked, item, answer in several]

    def refresh(self, split: Split, context: FitContext) -> None:
        """Train the retriever anew."""
        self.popularity = item_counts(split.train.sequences(), split.n_items)
        self._prepare(split, context)

    def weights(self) -> Weights:
        """The adapter's."""
        return trained_tensors(self.net)

    def take(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Have these weights; the adapter takes their rank, at the scale it has."""
        adapter = self.config.adapter
        rank = next(len(value) for name, value in weights.items() if "lora_A" in name)
        if rank != adapter.rank:
            alpha = adapter.alpha * rank / adapter.rank
            adapter = adapter.model_copy(update={"rank": rank, "alpha": alpha})
            self.config = self.config.model_copy(update={"adapter": adapter})
            self.backbone.adapters.delete(ADAPTER)
            self.backbone.adapters.add(ADAPTER, adapter)
        self._restore(weights)

    def predict(self, questions: Questions) -> Answers:
        """[n] that what is asked about is liked."""
        return self._yes(self.questions(questions.cases(self.config.length)))

    def _yes(self, prompts: Sequence[Prompt]) -> Answers:
        """[n] one number for the two answers to each question."""
        found = likelihoods(
            self.backbone,
            prompts,
            [[YES, NO]] * len(prompts),
            batch_tokens=self.config.batch_tokens,
        )
        if not found:
            return np.empty(0, dtype=np.float32)
        yes, no = torch.stack(found).double().numpy().T
        if self.config.scorer == "double-softmax":
            yes, no = np.exp(yes), np.exp(no)
        answers: Answers = expit(yes - no).astype(np.float32)
        return answers

    def answer(self, histories: Histories) -> Scores:
        """Above zero what was asked about, by its answer; below it the rest, by the retriever."""
        found = self._retriever.score(histories)
        scores = np.empty_like(found)
        for row, (history, liked) in enumerate(zip(histories, likes(histories), strict=True)):
            order = self._unseen(found[row], history)
            scores[row, order] = -np.arange(1, len(order) + 1) / (len(order) + 1)
            best = order[: self.config.retrieved]
            prompts = [self.question(history.tolist(), liked, item) for item in best.tolist()]
            scores[row, best] = self._yes(prompts)
        return scores

    def controls(self) -> Mapping[str, Callable[[Histories], Scores]]:
        """What the method has to beat: the retriever's own order, and answers without training."""
        found: dict[str, Callable[[Histories], Scores]] = {
            f"{self.config.retriever} alone": self._retriever.score
        }
        if self.config.samples != 0:
            found["zero-shot"] = self._untrained
        return found

    def _untrained(self, histories: Histories) -> Scores:
        with self.backbone.adapters.disabled():
            return self.score(histories)

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | nested_state(self._retriever, "retriever")

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        super().load_state(state, catalogue)
        config = self.config
        self._retriever = load_nested(
            config.retriever, config.retriever_settings, state, "retriever", catalogue
        )


def likes(histories: Histories) -> list[list[bool] | None]:
    """Of each history what was liked; None where nobody said."""
    if histories.liked is None:
        return [None] * len(histories)
    bounds = zip(histories.offsets[:-1], histories.offsets[1:], strict=True)
    return [histories.liked[start:stop].tolist() for start, stop in bounds]
