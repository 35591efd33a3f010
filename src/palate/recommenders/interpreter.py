"""RecInterpreter: a frozen language model puts into words what a recommender's hidden state holds.

Yang et al., "Large Language Model Can Interpret Latent Space of Sequential Recommender",
arXiv:2310.20487. Recommender and language model stay as they are; one adapter between them learns
to make a soft token of the hidden states of a history. Two tasks: name the items of the history
(*recovery*), and, given the states before and after one event, name the item that was added
(*residual*).

As released: a learned weight for each of the last ten states, a linear map to the width of the
language model, the loss on the answer alone, greedy answers. Chosen here: answers are never cut
(the release cuts them at 32 tokens, about three titles), titles stand between semicolons because
many hold commas, the adapter starts at the size of the model's own token vectors, and the best
epoch by the loss on people who are not learned from is kept.

Prompts hold no word that comes from a history. What the answers are worth is judged by
:mod:`palate.experiments.interpret`.

Legend: n histories, l states of each, d width of a state, h hidden size, s slots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import torch
from pydantic import Field

from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.data.titles import TitleForm, formed
from palate.evaluation.ranking import top_k
from palate.evaluation.text import newest_distinct
from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings
from palate.language.generation import generate
from palate.language.prompts import Prompt, Slot, Span, Text
from palate.recommenders.hidden_states import States, hidden_states
from palate.recommenders.sequential import SequentialRecommender
from palate.recommenders.state_bridge import Pooling, StateBridge
from palate.recommenders.title_search import TitleSearch
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, fit, trained_tensors
from palate.training.held_out import HeldOutLoss
from palate.training.prompts import PromptExamples, PromptNet

Task = Literal["recovery", "residual"]

BETWEEN = "; "  # titles of an answer
HELD_BEAMS = 10  # of a search for one title

# Where a wording says {}, a soft token goes. The first of each is what is asked after training.
WORDINGS: dict[Task, tuple[str, ...]] = {
    "recovery": (
        "A recommender sums up what someone chose as {}.\nThe {nouns} they chose, oldest first:\n",
        "This is one person's past, in a recommender's own code: {}\n"
        "Name the {nouns} in it, from the oldest to the newest.\n",
        "{}\nThe line above stands for a list of {nouns}. The list in words:\n",
    ),
    "residual": (
        "A recommender summed up what someone chose as {}. After one more {noun} it was {}.\n"
        "The {noun} that was added:\n",
        "Before: {}\nAfter: {}\nBoth stand for the same person's past, the second with one "
        "{noun} more. Name that {noun}.\n",
    ),
}


class InterpreterConfig(TrainingConfig):
    """Settings of the interpreter."""

    model: str = "smollm2-135m"
    """Language model: a known name, a hub id (owner/name), a folder, or a GGUF file."""
    layers: int | None = Field(None, ge=1)
    """First layers of the model that are used; null takes all."""
    noun: str = "item"
    """What the prompts call an item: movie, game, song …"""
    title_form: TitleForm = "short"
    """How titles are written: listed, natural or short, as in the recommenders' prompts."""
    adapter: Pooling = "conv"
    """What becomes the soft token. conv: a learned mix of the last states. last: the newest."""
    length: int = Field(10, ge=1)
    """Last states that the adapter mixes, and last items that are asked for."""
    tasks: tuple[Task, ...] = Field(("recovery",), min_length=1)
    """What is learned; of several, each example is drawn for one."""
    samples: int | None = Field(512, ge=1)
    """Moments of histories that are learned from, drawn at random; null takes all."""
    max_tokens: int = Field(256, ge=1)
    """Tokens of an answer at most; ten titles of films need about 160."""
    epochs: int = Field(3, ge=1)
    patience: int = Field(2, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(0.05, gt=0)
    """Large, as a soft token needs: its entries are small, and nothing else learns."""
    weight_decay: float = Field(1e-6, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    batch_tokens: int = Field(2048, ge=1)
    """Padded tokens of prompts that are answered at once; bounds memory."""
    device: str = "auto"
    """Where to run: auto, cpu, cuda, cuda:1 …"""


class Interpreter:
    """Words for the hidden states of a sequential recommender.

    Attributes:
        net: the language model, frozen, and the :class:`StateBridge`.
        learned: how the training went; None before it.
        held_out_losses: per epoch, on people who were not learned from.
    """

    def __init__(
        self,
        recommender: SequentialRecommender,
        catalogue: Catalogue,
        config: InterpreterConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.recommender = recommender
        self.config = config or InterpreterConfig()
        self.titles = formed(catalogue.titles, self.config.title_form)
        self.learned: Learned | None = None
        self.held_out_losses: list[float] = []
        backbone = Backbone.load(
            self.config.model, layers=self.config.layers, device=self.config.device
        )
        backbone.requires_grad_(False)
        width = self.states(Histories.of([[0]])).width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            bridge = StateBridge(
                self.config.adapter, self.config.length, width, backbone.hidden_size
            )
        self.bridge = bridge.to(backbone.device)
        self.net = PromptNet(backbone, self.bridge).eval()

    @property
    def trainable_parameters(self) -> int:
        """Number of values that training changes."""
        return sum(p.numel() for p in self.net.parameters() if p.requires_grad)

    def states(self, histories: Histories) -> States:
        """What the recommender knows of each history."""
        return hidden_states(self.recommender, histories, self.config.length)

    def truth(self, history: Sequence[int]) -> list[int]:
        """The items that are asked for: the last distinct ones that the recommender reads."""
        return newest_distinct(history[-self.recommender.config.length :], self.config.length)

    def answer(self, items: Sequence[int]) -> str:
        """The words for some items."""
        return BETWEEN.join(self.titles[item] for item in items)

    def prompt(
        self, task: Task, rows: Sequence[int], answer: str | None = None, wording: int = 0
    ) -> Prompt:
        """The question, with a soft token for each of *rows* of the table.

        Args:
            rows: one for recovery, before and after for residual; none asks without any state.
        """
        words = WORDINGS[task][wording].replace("{nouns}", f"{self.config.noun}s")
        pieces = words.replace("{noun}", self.config.noun).split("{}")
        spans: list[Span] = [Text(pieces[0])]
        for place, piece in enumerate(pieces[1:]):
            if rows:
                spans.append(Slot(rows[place], label="state"))
            spans.append(Text(piece))
        return Prompt(tuple(spans), answer)

    def fit(
        self,
        histories: Histories,
        held_out: Histories,
        context: FitContext = FitContext(),  # noqa: B008
    ) -> Self:
        """Learn the adapter from people's sequences; stop by those of other people.

        Raises:
            ValueError: no sequence has two events.
        """
        torch.manual_seed(context.seed)
        few = max(1, (self.config.samples or len(histories)) // 8)
        states, prompts = self._examples(histories, self.config.samples, context.seed)
        others, other_prompts = self._examples(held_out, few, context.seed, len(states))
        self.bridge.read(states.join(others))
        backbone, config = self.net.backbone, self.config
        self.bridge.start_at(self.net.backbone.embedding_size)
        examples = PromptExamples(backbone, prompts)
        judge = HeldOutLoss(
            self.net,
            PromptExamples(backbone, other_prompts),
            examples.collate,
            config.batch_size,
            config.patience,
        )
        self.learned = fit(
            self.net, examples, examples.collate, config, None, context, callbacks=[judge]
        )
        judge.restore()
        self.held_out_losses = judge.losses
        return self

    def _examples(
        self, histories: Histories, samples: int | None, seed: int, start: int = 0
    ) -> tuple[States, list[Prompt]]:
        """Moments drawn at random: states after them, states before them, and their prompts.

        Args:
            start: row of the table where these states will begin.
        """
        after = moments(histories, samples, seed)
        everyone, zeros = np.arange(len(after)), np.zeros(len(after), dtype=np.int64)
        before = after.spans(everyone, zeros, after.lengths - 1)
        draw = np.random.default_rng(seed)
        prompts = []
        for row, history in enumerate(after):
            task = self.config.tasks[draw.integers(len(self.config.tasks))]
            wording = int(draw.integers(len(WORDINGS[task])))
            now, then = start + row, start + len(after) + row
            if task == "recovery":
                answer = self.answer(self.truth(history.tolist()))
                prompts.append(self.prompt(task, [now], answer, wording))
            else:
                answer = self.titles[history[-1]]
                prompts.append(self.prompt(task, [then, now], answer, wording))
        return self.states(after).join(self.states(before)), prompts

    def words(self, states: States, progress: bool = False) -> list[str]:
        """What the language model reads in each state: the history, in words."""
        prompts = [self.prompt("recovery", [row]) for row in range(len(states))]
        return self._ask(states, prompts, progress)

    def added(self, before: States, after: States, progress: bool = False) -> list[str]:
        """What the language model takes to be the item that came between the two states."""
        n = len(after)
        prompts = [self.prompt("residual", [row, n + row]) for row in range(n)]
        return self._ask(before.join(after), prompts, progress)

    def held_words(self, states: States, n: int) -> np.ndarray:
        """[u, n] items whose titles the answer would soonest begin with, the likeliest first.

        A variant that is not the paper's: one beam search among the catalogue's titles, of which
        the n beams name different ones, in place of text that may name none.
        """
        prompts = [self.prompt("recovery", [row]) for row in range(len(states))]
        return self._held(states, prompts, n, BETWEEN.strip())

    def held_added(self, before: States, after: States) -> np.ndarray:
        """[u] the item that came between, its title held to the catalogue."""
        n = len(after)
        prompts = [self.prompt("residual", [row, n + row]) for row in range(n)]
        return self._held(before.join(after), prompts, HELD_BEAMS, None)[:, 0]

    def _held(
        self, states: States, prompts: Sequence[Prompt], n: int, end: str | None
    ) -> np.ndarray:
        self.bridge.read(states)
        scores = TitleSearch(self.net.backbone, self.titles, end).score(
            prompts, n, vectors=self.bridge, batch_tokens=self.config.batch_tokens
        )
        return top_k(scores, n)[0]

    def words_without_state(self) -> str:
        """What the language model says when it is asked without any state."""
        return self._ask(self.bridge.table, [self.prompt("recovery", [])], False)[0]

    def _ask(self, states: States, prompts: Sequence[Prompt], progress: bool) -> list[str]:
        self.bridge.read(states)
        found = generate(
            self.net.backbone,
            prompts,
            BeamSettings(beams=1, max_tokens=self.config.max_tokens, early_stopping=True),
            vectors=self.bridge,
            batch_tokens=self.config.batch_tokens,
            progress=progress,
        )
        decode = self.net.backbone.tokenizer.decode
        return [decode(beams[0].tokens).strip() for beams in found]

    def state(self) -> dict[str, torch.Tensor]:
        """What was learned."""
        return trained_tensors(self.bridge)

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what :meth:`state` gave."""
        self.bridge.load_state_dict(state)

    def fingerprints(self) -> dict[str, str]:
        """Hashes of what stays frozen: the recommender and the language model."""
        return {
            "recommender": fingerprint(self.recommender),
            "language_model": self.net.backbone.fingerprint(),
        }


def moments(histories: Histories, samples: int | None, seed: int) -> Histories:
    """Histories as they were at moments drawn at random, each of two events or more.

    Args:
        samples: how many; None takes every moment.

    Raises:
        ValueError: no history has two events.
    """
    users = histories.rows()
    stops = np.arange(len(users)) - histories.offsets[users] + 1
    events = np.flatnonzero(stops > 1)
    if len(events) == 0:
        raise ValueError("there is no history of two events or more")
    if samples is not None and samples < len(events):
        events = np.random.default_rng(seed).choice(events, samples, replace=False)
    return histories.spans(users[events], np.zeros_like(events), stops[events])


def fingerprint(recommender: SequentialRecommender) -> str:
    """Hash of all that the recommender learned."""
    digest = hashlib.sha256()
    for name, value in sorted(recommender.state().items()):
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
