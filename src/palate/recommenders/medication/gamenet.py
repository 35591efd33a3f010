"""GAMENet: a memory of which medications go together, read beside the patient's own visits.

Shang et al., "GAMENet: Graph Augmented Memory Networks for Recommending Medication Combination",
AAAI 2019, arXiv:1809.01852. Two graph convolutions, over medications given together and over those
that interact, make a memory; the state of the patient reads it, and reads what was given at the
visits that were most like this one.

Different from the released code: edges of the first graph are weighed by how often two medications
were given together (in many visits, every two were once); the annealed loss that turns to
interactions now and then is the ``interaction_weight`` of all methods here.

Legend: b batch, t visits, d width, v medications.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import nn

from palate.data.hospital.splits import HospitalSplit
from palate.recommenders.medication.base import Terms, known_targets
from palate.recommenders.medication.net import (
    CodeVectors,
    NetMedicationRecommender,
    VisitNet,
    VisitNetConfig,
    newest,
    spread,
)
from palate.training.visits import margin_loss


class GAMENetConfig(VisitNetConfig):
    """Settings of GAMENet."""

    margin: float = Field(0.01, ge=0)
    """Weight of a loss that keeps what was given above what was not by a margin."""


class GAMENetNet(VisitNet):
    """The memory, and the state that reads it."""

    together: torch.Tensor

    def __init__(self, terms: Terms, together: np.ndarray, config: GAMENetConfig) -> None:
        super().__init__(terms, config.interaction_weight)
        width, size = config.width, len(terms.medications)
        self.margin = config.margin
        self.codes = CodeVectors(terms.sizes(), ("diagnoses", "procedures"), width)
        self.dropout = nn.Dropout(config.dropout)
        self.readers = nn.ModuleDict(
            {kind: nn.GRU(width, width, batch_first=True) for kind in self.codes.tables}
        )
        self.query = nn.Linear(2 * width, width)
        self.given_together = GraphConvolution(size, width, config.dropout)
        self.interacting = GraphConvolution(size, width, config.dropout)
        self.share = nn.Parameter(torch.tensor(0.1))
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Linear(3 * width, 2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, size),
        )
        self.register_buffer("together", torch.from_numpy(normalised(together)))
        graph = torch.from_numpy(normalised(terms.interactions.astype(np.float32)))
        self.register_buffer("interacting_graph", graph, persistent=False)

    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        real = inputs["real"]
        states = [
            reader(self.dropout(self.codes(kind, inputs[kind], real)))[0]
            for kind, reader in self.readers.items()
        ]
        queries = self.query(torch.cat(states, -1).relu())  # [b, t, d]
        query = newest(queries, real)
        graph = self.get_buffer("interacting_graph")
        memory = self.given_together(self.together) - self.share * self.interacting(graph)  # [v, d]
        recalled = (query @ memory.T).softmax(-1) @ memory
        own = self._own(query, queries, inputs) @ memory
        scored: torch.Tensor = self.head(torch.cat([query, recalled, own], -1))
        return scored

    def _own(
        self, query: torch.Tensor, queries: torch.Tensor, inputs: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        """[b, v] what was given at the earlier visits, those most like this one counting most."""
        real, codes = inputs["real"], inputs["medications"]
        earlier = real.clone()
        earlier[torch.arange(len(real), device=real.device), real.sum(1) - 1] = False
        given = codes.new_zeros((len(codes), len(self.interactions) + 1), dtype=query.dtype)
        given = given.scatter(1, codes, 1.0)[:, 1:]  # [n, v]
        like = (queries @ query[..., None]).squeeze(-1)  # [b, t]
        # Without an earlier visit there is nothing to recall.
        weights = like.masked_fill(~earlier, -1e9).softmax(1) * earlier
        recalled: torch.Tensor = (weights[..., None] * spread(given, real)).sum(1)
        return recalled

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return super().loss(logits, labels) + self.margin * margin_loss(logits, labels)


class GAMENet(NetMedicationRecommender):
    """Graph-augmented memory."""

    name = "gamenet"
    summary = "a memory of medications given together, and of the patient's own visits"
    Config = GAMENetConfig
    config: GAMENetConfig
    net: GAMENetNet

    def build(self, terms: Terms, split: HospitalSplit | None) -> GAMENetNet:
        size = len(terms.medications)
        together = np.zeros((size, size), dtype=np.float32)
        if split is not None:
            for given in (
                known_targets(split.train),
                split.train.past.codes["medications"].dense(size),
            ):
                together += given.T.astype(np.float32) @ given.astype(np.float32)
            np.fill_diagonal(together, 0)
        return GAMENetNet(terms, together, self.config)

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | {"together": self.net.together.detach().cpu()}


class GraphConvolution(nn.Module):
    """Two rounds over a graph, of vectors that each node has of its own.

    Kipf & Welling, "Semi-Supervised Classification with Graph Convolutional Networks", ICLR 2017.
    """

    def __init__(self, nodes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.empty(nodes, width).uniform_(-0.1, 0.1))
        self.second = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, graph: torch.Tensor) -> torch.Tensor:
        """[v, v] normalised edges -> [v, d]."""
        found: torch.Tensor = graph @ self.second(self.dropout((graph @ self.first).relu()))
        return found


def normalised(graph: np.ndarray) -> np.ndarray:
    """[v, v] edges and a loop at each node, each row summing to one."""
    loops = graph + np.eye(len(graph)) * max(float(graph.max(initial=0)), 1.0)
    scaled: np.ndarray = (loops / loops.sum(1, keepdims=True)).astype(np.float32)
    return scaled
