"""SASRec that says whether someone will like an item: the text-free opponent of TALLRec.

The self-attention of Kang & McAuley (arXiv:1808.09781) over what was touched and whether it was
liked; the answer about an item is the product of the state and the item's vector with a bias of
the item's, through a sigmoid, learned by binary cross-entropy. LSAT (arXiv:2312.15599) compares
with a SASRec that regresses likes; what is here besides is that the history tells likes from
dislikes, as TALLRec's prompt does.

Legend: b batch, l length, d width, q questions of a batch, u users, i items of the catalogue.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.questions import Questions
from palate.dropout import dropout
from palate.recommenders.base import FitContext, Scores
from palate.recommenders.incremental import ItemTableRecommender
from palate.recommenders.interactions import check_indices
from palate.recommenders.sasrec import Block, attention_mask
from palate.recommenders.sequential import SequenceConfig, device_of
from palate.recommenders.updates import Answers, JudgesLikes
from palate.training.fit import Learned, LikeValidation, fit
from palate.training.liked_windows import LikedWindows, liked_windows
from palate.training.parameters import trained_tensors
from palate.training.proximal import Near, ProximalNet

CHUNK = 1024  # questions answered at a time


class SASRecLikesConfig(SequenceConfig):
    """Settings of SASRec for likes."""

    layers: int = Field(2, ge=1)
    """Transformer blocks."""
    heads: int = Field(1, ge=1)
    """Attention heads; must divide the width."""
    weight_decay: float = Field(0.1, ge=0)


class LikesNet(nn.Module):
    """Items and likes in, a state out, and a product with the item that is asked about."""

    def __init__(self, n_items: int, config: SASRecLikesConfig) -> None:
        super().__init__()
        self.pad = n_items
        self.items = nn.Embedding(n_items + 1, config.width, padding_idx=n_items)
        self.biases = nn.Parameter(torch.zeros(n_items, 1))
        self.bias = nn.Parameter(torch.zeros(1))
        self.likes = nn.Embedding(2, config.width)
        self.positions = nn.Embedding(config.length, config.width)
        self.dropout = config.dropout
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        for table in (self.items.weight[:n_items], self.likes.weight, self.positions.weight):
            nn.init.normal_(table, std=0.02)

    def states(self, items: torch.Tensor, liked: torch.Tensor) -> torch.Tensor:
        """[b, l] items and likes (0 or 1) -> [b, l, d], causal."""
        # Positions count from the newest event, so a short window reads like a padded one.
        x = self.items(items) + self.likes(liked) + self.positions.weight[-items.shape[1] :]
        x = dropout(x, self.dropout, self.training)
        mask = attention_mask(items != self.pad)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def logits(self, states: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """[q, d] states and [q] items -> [q]."""
        product = (states * self.items(items)).sum(-1)
        return product + self.biases[items, 0] + self.bias

    def forward(
        self,
        items: torch.Tensor,
        liked: torch.Tensor,
        where: torch.Tensor,
        asked: torch.Tensor,
        labels: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Binary cross-entropy of the questions.

        Args:
            where: [q] position in the flattened batch at which is asked.
            asked: [q] items that are asked about.
            labels: [q] 1 where liked.
        """
        states = self.states(items, liked).flatten(0, 1)[where]
        loss = F.binary_cross_entropy_with_logits(self.logits(states, asked), labels.float())
        return {"loss": loss}


class SASRecLikes(JudgesLikes, ItemTableRecommender):
    """Self-attention over what was touched and liked; will this be liked?"""

    name = "sasrec-likes"
    summary = "SASRec that says whether someone will like an item"
    Config = SASRecLikesConfig
    config: SASRecLikesConfig
    net: LikesNet
    learned: Learned | None = None

    def fit(self, split: Split, context: FitContext = FitContext()) -> Self:  # noqa: B008
        self.begin(split.catalogue, context.seed)
        self.refresh(split, context)
        sequences = split.train.sequences()
        train = Questions.of_likes(sequences, sequences.places(), split.n_items, context.seed)
        cases = split.validation.sequences()
        last = cases.offsets[1:] - 1
        self.learn(train, Questions.of_likes(cases, last, split.n_items, context.seed), context)
        return self

    def _place(self, catalogue: Catalogue) -> None:
        self.n_items = len(catalogue)
        self.net = LikesNet(self.n_items, self.config).to(device_of(self.config.device))

    def learn(
        self,
        train: Questions,
        validation: Questions,
        context: FitContext,
        near: Near | None = None,
    ) -> Learned:
        """Learn the answers of *train*, each once per epoch, after the events before it."""
        self.learned = fit(
            self.net if near is None else ProximalNet(self.net, near),
            LikedWindows(train, self.config.length),
            liked_windows(self.n_items),
            self.config,
            LikeValidation(validation, self.predict),
            context,
        )
        return self.learned

    @torch.no_grad()
    def predict(self, questions: Questions) -> Answers:
        """[n] probability that what is asked about is liked."""
        self.net.eval()
        found = [np.empty(0, dtype=np.float32)]
        for start in range(0, len(questions), CHUNK):
            part = questions.take(np.arange(start, min(start + CHUNK, len(questions))))
            cases = part.cases(self.config.length)
            states = self._last_states(cases.histories)
            items = torch.from_numpy(cases.targets).to(states.device)
            found.append(self.net.logits(states, items).sigmoid().cpu().numpy())
        return np.concatenate(found)

    @torch.no_grad()
    def score(self, histories: Histories) -> Scores:
        """[u, i] log-odds of each item to be liked; popularity where there is no history."""
        check_indices(histories, self.n_items)
        self.net.eval()
        states = self._last_states(histories)
        products = states @ self.net.items.weight[: self.n_items].T
        scores: Scores = (products + self.net.biases[:, 0] + self.net.bias).cpu().numpy()
        scores[histories.lengths == 0] = self._popularity
        return scores

    def _last_states(self, histories: Histories) -> torch.Tensor:
        """[u, d] after all of each history."""
        length = self.config.length
        items = torch.from_numpy(histories.padded(length, self.n_items))
        flags = histories.liked
        liked = np.ones(len(histories.items)) if flags is None else flags
        told = Histories(liked.astype(np.int64), histories.offsets).padded(length, 0)
        device = next(self.net.parameters()).device
        return self.net.states(items.to(device), torch.from_numpy(told).to(device))[:, -1]

    def state(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net) | {"popularity": torch.from_numpy(self._popularity)}

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._place(catalogue)
        self._popularity = state["popularity"].numpy()
        self._restore({name: value for name, value in state.items() if name != "popularity"})
