"""The net of LEADER's student, and what only its training needs.

Legend: b batch, t visits, n visits of a batch, c codes, d width, f fields of a profile,
v medications, h width of the teacher.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from palate.data.hospital.visits import KINDS, Kind
from palate.dropout import dropout
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.net import VisitNet, spread

RESERVED = 3  # rows of the table before the codes: padding, and two that are the released table's


class EncoderBlock(nn.Module):
    """A pre-norm Transformer block without positions: what it is given is a set."""

    def __init__(
        self, width: int, heads: int, hidden: int, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.rate, self.attention_rate = heads, dropout, attention_dropout
        self.before_attention, self.before_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """[n, c, d] -> [n, c, d], zero where there is nothing.

        Sets differ in size, so that much is padding: only attention is computed on it.

        Args:
            there: [n, c] True where there is something.
        """
        own = x[there]  # [m, d]
        own = own + self._drop(self.join(self._attended(own, there)))
        inner = self._drop(F.gelu(self.widen(self.before_feed(own))))
        return spread(own + self._drop(self.narrow(inner)), there)

    def _attended(self, own: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """[m, d] what each sees in its own set."""
        parts = spread(self.project(self.before_attention(own)), there).chunk(3, -1)
        query, key, value = (one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in parts)
        like = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5  # [n, heads, c, c]
        like = like.masked_fill(~there[:, None, None], -1e9)  # finite: an empty set has no NaN
        weights = dropout(like.softmax(-1), self.attention_rate, self.training)
        return (weights @ value).transpose(1, 2).flatten(2)[there]

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        return dropout(x, self.rate, self.training)


def mean_over(x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """[n, c, d] -> [n, d] the mean of what is there; zero where nothing is."""
    weights = there[..., None].to(x.dtype)
    return (x * weights).sum(1) / weights.sum(1).clamp(min=1)


class LEADERNet(VisitNet):
    """Visits as sets of codes, three streams of visits, and a prompt made of the profile."""

    def __init__(self, terms: Terms, config: Any) -> None:
        super().__init__(terms, config.interaction_weight)
        width, sizes = config.width, terms.sizes()
        self.first_visits = config.first_visits
        self.starts: dict[Kind, int] = {
            "medications": RESERVED,
            "diagnoses": RESERVED + sizes["medications"],
            "procedures": RESERVED + sizes["medications"] + sizes["diagnoses"],
        }
        self.table = nn.Embedding(RESERVED + sum(sizes.values()), width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0] = 0
        blocks = (config.heads, config.hidden, config.dropout, config.attention_dropout)
        self.sets = nn.ModuleDict({kind: EncoderBlock(width, *blocks) for kind in KINDS})
        self.visits = EncoderBlock(width, *blocks)
        self.fields = nn.ModuleList()
        if config.profile:
            self.fields.extend(nn.Embedding(values, width) for values in terms.fields)
            self.prompt = nn.Linear(width * len(terms.fields), width * config.prompts)
        self.prompts = config.prompts if len(self.fields) else 0
        self.mediator = nn.Sequential(nn.ReLU(), nn.Linear(3 * width, config.mediator))
        self.head = nn.Linear(config.mediator, len(terms.medications))

    def encode_sets(self, kind: Kind, codes: torch.Tensor) -> torch.Tensor:
        """[n, c] codes of a kind plus one, 0 where there is none -> [n, d]."""
        there = codes > 0
        shift = self.starts[kind] - 1
        return self._encoded(kind, torch.where(there, codes + shift, 0), there)

    def _encoded(self, kind: Kind, rows: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return mean_over(self.sets[kind](self.table(rows), there), there)

    def profile_prompt(self, profile: torch.Tensor) -> torch.Tensor:
        """[b, f] -> [b, prompts, d] what stands in the place of medications given before."""
        fields = [table(profile[:, place]) for place, table in enumerate(self.fields)]
        made: torch.Tensor = self.prompt(torch.cat(fields, -1)).unflatten(-1, (self.prompts, -1))
        return made

    def mediated(self, **inputs: torch.Tensor) -> torch.Tensor:
        """[b, m] the layer between patient and medications, which a teacher can speak to."""
        real, profile = inputs["real"], inputs["profile"]
        streams = {kind: spread(self.encode_sets(kind, inputs[kind]), real) for kind in KINDS}
        there = dict.fromkeys(KINDS, real)
        # The visit that is asked about has no medications yet: it is no visit of this stream.
        there["medications"] = real.clone()
        if not self.first_visits:
            last = real.sum(1) - 1
            there["medications"][torch.arange(len(real), device=real.device), last] = False
        if self.prompts:
            streams["medications"] = torch.cat(
                [self.profile_prompt(profile), streams["medications"]], 1
            )
            always = real.new_ones((len(real), self.prompts))
            there["medications"] = torch.cat([always, there["medications"]], 1)
        means = [
            mean_over(self.visits(streams[kind], there[kind]), there[kind])
            for kind in ("diagnoses", "procedures", "medications")
        ]
        found: torch.Tensor = self.mediator(torch.cat(means, -1))
        return found

    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        scored: torch.Tensor = self.head(self.mediated(**inputs).relu())
        return scored


class LEADERLessons(nn.Module):
    """The student's net with its three losses; all but the net is for training alone.

    Attributes:
        features: [training cases, h] what the teacher says of each; None without a teacher.
    """

    def __init__(
        self, net: LEADERNet, config: Any, features: torch.Tensor | None, seed: int
    ) -> None:
        super().__init__()
        self.net = net
        self.settings = config  # a Trainer would take a `config` for that of a language model
        self.features = features
        width = config.width
        if features is not None:
            self.projector = nn.Linear(config.mediator, features.shape[1])
            if config.teaching == "permuted":
                draw = torch.Generator().manual_seed(seed)
                self.features = features[torch.randperm(len(features), generator=draw)]
        if config.alignment:
            self.of_medications = nn.Linear(width, width)
            self.of_profile = nn.Linear(width * config.prompts, width)

    def forward(
        self, labels: torch.Tensor, rows: torch.Tensor, **inputs: torch.Tensor
    ) -> dict[str, Any]:
        """Cross-entropy, distillation, alignment, and their weighted sum as the loss."""
        net, config = self.net, self.settings
        mediated = net.mediated(**inputs)
        logits = net.head(mediated.relu()).float()
        loss = net.loss(logits, labels) + net.apart(logits)
        if self.features is not None and config.distillation:
            told = self.features[rows.cpu()].to(mediated.device)
            loss = loss + config.distillation * F.mse_loss(self.projector(mediated).float(), told)
        if config.alignment:
            loss = loss + config.alignment * self.aligned(inputs["profile"], labels)
        return {"loss": loss}

    def aligned(self, profile: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """How far profiles are from the medications that were given to just those patients."""
        config, net = self.settings, self.net
        codes = given_codes(labels)
        if config.released_alignment_ids:
            # Numbers of medications taken for rows of the table, which begins with other rows.
            given = net._encoded("medications", (codes - 1).clamp(min=0), codes > 0)
        else:
            given = net.encode_sets("medications", codes)
        return contrastive(
            self.of_medications(given),
            self.of_profile(net.profile_prompt(profile).flatten(1)),
            config.temperature,
            config.positive_in_denominator,
        )


def given_codes(labels: torch.Tensor) -> torch.Tensor:
    """[b, v] 0 or 1 -> [b, c] codes plus one, 0 where there is none."""
    most = max(1, int(labels.sum(1).max()))
    values, places = labels.topk(most, 1)
    return torch.where(values > 0, places + 1, 0)


def contrastive(
    left: torch.Tensor, right: torch.Tensor, temperature: float, positive: bool
) -> torch.Tensor:
    """Symmetric contrastive loss of pairs of rows, by their cosine.

    Args:
        left: [b, d]; right: [b, d] of the same patients.
        positive: the pair itself is among what it is compared with, as in InfoNCE; else it is
            compared with the others only, and the loss may fall below zero.
    """
    if len(left) < 2:  # nobody to be told apart from
        return (left.sum() + right.sum()) * 0.0
    like = F.normalize(left, dim=-1) @ F.normalize(right, dim=-1).T / temperature  # [b, b]
    others = like
    if not positive:
        same = torch.eye(len(like), dtype=torch.bool, device=like.device)
        others = like.masked_fill(same, -torch.inf)
    paired = like.diagonal()
    return (others.logsumexp(0) - paired).mean() + (others.logsumexp(1) - paired).mean()
