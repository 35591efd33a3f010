"""Beam search over trees of tokens: free, or held to given answers.

The result is that of ``generate`` of transformers with the same settings (a test and a benchmark
compare them); the work is not: prompts are read once, no cache is copied per beam, and what is
allowed next is looked up for all beams at once.

Legend: b prompts, k beams, c candidates for the next step, t steps so far, v vocabulary,
a answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from palate.errors import ConfigError
from palate.language.prompt_cache import PromptCache
from palate.language.trie import ROOT, Trie

NEVER = float("-inf")


@dataclass(frozen=True)
class BeamSettings:
    """How to search.

    Attributes:
        beams: hypotheses kept at each step; 1 with *early_stopping* is greedy decoding.
        max_tokens: tokens of an answer at most, its end included.
        length_penalty: a score is the sum of log-probabilities over length to this power; 0 is
            the log-probability itself, 1 its mean, which favours answers with near-certain tokens
            (D3, Bao et al., EMNLP 2024).
        early_stopping: stop as soon as as many answers are complete as there are beams, instead
            of when no running one can become better.
    """

    beams: int = 4
    max_tokens: int = 64
    length_penalty: float = 1.0
    early_stopping: bool = False


GREEDY = BeamSettings(beams=1, early_stopping=True)


@dataclass(frozen=True)
class Hypothesis:
    """One answer found.

    Attributes:
        tokens: its tokens, the end included where it was reached.
        score: sum of log-probabilities over the length to the power of the length penalty.
        leaf: the leaf of the tree of answers, or None where the search was free.
    """

    tokens: list[int]
    score: float
    leaf: int | None = None


@dataclass
class TextFree:
    """Next tokens by a model that reads no text: how much of its mass goes which way.

    After D3 (Bao et al., EMNLP 2024, arXiv:2406.14900): the probability of a token is the share of
    the weight of the answers below a node that lies below the child. Tokens are then judged by
    ``share * log p + (1 - share) * log p_text_free``.

    Attributes:
        weights: [b, a] probability of each answer to each prompt.
        share: of the language model.
    """

    weights: torch.Tensor
    share: float = 0.5


class _Finished:
    """The best complete answers of each prompt."""

    def __init__(self, batch: int, beams: int, steps: int) -> None:
        self.scores = torch.full((batch, beams), NEVER)
        self.tokens = torch.zeros(batch, beams, steps, dtype=torch.long)
        self.lengths = torch.zeros(batch, beams, dtype=torch.long)
        self.leaves = torch.zeros(batch, beams, dtype=torch.long)

    def offer(
        self, rows: torch.Tensor, scores: torch.Tensor, tokens: torch.Tensor, leaves: torch.Tensor
    ) -> None:
        """Take new answers [r, c] of some prompts where they beat those there are."""
        beams, length = self.scores.shape[1], tokens.shape[2]
        padded = torch.zeros(*tokens.shape[:2], self.tokens.shape[2], dtype=torch.long)
        padded[:, :, :length] = tokens
        merged = torch.cat([self.scores[rows], scores], 1)
        best, which = merged.topk(beams, 1)
        self.scores[rows] = best
        for name, new in (
            ("tokens", padded),
            ("lengths", torch.full(scores.shape, length)),
            ("leaves", leaves),
        ):
            kept = getattr(self, name)
            both = torch.cat([kept[rows], new], 1)
            kept[rows] = _pick(both, which)

    def hypotheses(self, held: bool) -> list[list[Hypothesis]]:
        """Per prompt, best first."""
        return [
            [
                Hypothesis(tokens[:length], score, leaf if held else None)
                for tokens, length, score, leaf in zip(*found, strict=True)
                if score > NEVER
            ]
            for found in zip(
                self.tokens.tolist(),
                self.lengths.tolist(),
                self.scores.tolist(),
                self.leaves.tolist(),
                strict=True,
            )
        ]


def beam_search(
    cache: PromptCache,
    settings: BeamSettings,
    ends: Sequence[int],
    allowed: Trie | None = None,
    text_free: TextFree | None = None,
) -> list[list[Hypothesis]]:
    """Answers to each prompt of *cache*, best first; the cache is used up.

    Args:
        ends: tokens that end an answer; not looked at where answers are given.
        allowed: the answers there may be; None is any text.
        text_free: mix in another model's view of the next token.

    Raises:
        ConfigError: a text-free model without given answers.
    """
    if text_free is not None and allowed is None:
        raise ConfigError("a text-free model mixes with given answers only")
    search = _Search(cache, settings, ends, allowed, text_free)
    while search.step():
        pass
    return search.finished.hypotheses(held=allowed is not None)


class _Search:
    """The state of a search; prompts that are done leave it."""

    def __init__(
        self,
        cache: PromptCache,
        settings: BeamSettings,
        ends: Sequence[int],
        allowed: Trie | None,
        text_free: TextFree | None,
    ) -> None:
        self.cache, self.settings = cache, settings
        batch = len(cache.logits)
        self.device = device = cache.logits.device
        self.trie = None if allowed is None else allowed.to(device)
        self.steps = settings.max_tokens
        if self.trie is not None:
            self.steps = min(self.steps, self.trie.depth)
        self.ends = torch.tensor(list(ends), dtype=torch.long, device=device)
        self.finished = _Finished(batch, settings.beams, self.steps)
        self.rows = torch.arange(batch)  # of the prompts that still run
        self.step_number = 0
        self.logits = cache.logits[:, None]  # [b, 1, v]
        self.scores = cache.logits.new_zeros(batch, 1)
        self.tokens = torch.zeros(batch, 1, 0, dtype=torch.long, device=device)
        self.nodes = torch.full((batch, 1), ROOT, device=device)
        self.sees = torch.zeros(batch, 1, 0, dtype=torch.bool, device=device)
        self.flows: torch.Tensor | None = None
        if text_free is not None and text_free.share < 1:
            assert self.trie is not None
            self.share = text_free.share
            self.flows = self.trie.masses(text_free.weights.to(device).float()).log()

    def step(self) -> bool:
        """One token further; False when nothing is left to do."""
        k = self.settings.beams
        scores, parents, tokens, nodes = self._candidates(max(2, 1 + len(self.ends)) * k)
        self.step_number += 1
        ended = self._ended(tokens, nodes)
        grown = torch.cat([_pick(self.tokens, parents), tokens[:, :, None]], 2)
        self._finish(scores, ended, grown, nodes)
        scores, which = scores.masked_fill(ended, NEVER).topk(min(k, scores.shape[1]), 1)
        self.scores, self.tokens = scores, _pick(grown, which)
        self.nodes, parents = _pick(nodes, which), _pick(parents, which)
        self.sees = _pick(self.sees, parents)
        if self.step_number == self.steps:
            return False
        running = self._running()
        if not bool(running.all()):
            self._keep(running.nonzero().squeeze(1))
        if len(self.rows) == 0:
            return False
        itself = torch.eye(self.tokens.shape[1], dtype=torch.bool, device=self.device)
        itself = itself.expand(len(self.rows), -1, -1)
        self.sees = torch.cat([self.sees, itself], 2)
        self.logits = self.cache.extend(self.tokens[:, :, -1], self.step_number - 1, self.sees)
        return True

    def _candidates(self, count: int) -> tuple[torch.Tensor, ...]:
        """The best continuations [b, c]: scores, the beam each continues, token, node."""
        log_probs = self.logits.log_softmax(-1)
        if self.trie is not None:
            return self._allowed(log_probs, count)
        vocabulary = log_probs.shape[-1]
        scores, which = (log_probs + self.scores[:, :, None]).flatten(1).topk(count, 1)
        return scores, which // vocabulary, which % vocabulary, torch.zeros_like(which)

    def _allowed(self, log_probs: torch.Tensor, count: int) -> tuple[torch.Tensor, ...]:
        assert self.trie is not None
        beams = self.nodes.shape[1]
        owners, edges = self.trie.edges(self.nodes.flatten())
        prompts, tokens, children = owners // beams, self.trie.tokens[edges], edges + 1
        steps = log_probs.flatten(0, 1)[owners, tokens]
        if self.flows is not None:
            rows = self.rows[prompts]
            other = self.flows[rows, children] - self.flows[rows, self.nodes.flatten()[owners]]
            other = other.nan_to_num(nan=NEVER)  # where neither has any weight
            steps = self.share * steps + (1 - self.share) * other
        values = self.scores.flatten()[owners] + steps
        each = torch.bincount(prompts, minlength=len(self.rows))
        starts = each.cumsum(0) - each
        width = max(int(each.max()), count)
        table = values.new_full((len(self.rows), width), NEVER)
        table[prompts, torch.arange(len(values), device=self.device) - starts[prompts]] = values
        scores, where = table.topk(count, 1)
        found = (starts[:, None] + where).clamp(max=len(values) - 1)
        return scores, owners[found] % beams, tokens[found], children[found]

    def _ended(self, tokens: torch.Tensor, nodes: torch.Tensor) -> torch.Tensor:
        if self.trie is not None:
            return self.trie.is_leaf(nodes)
        if self.step_number == self.steps:
            return torch.ones_like(tokens, dtype=torch.bool)
        return torch.isin(tokens, self.ends)

    def _finish(
        self, scores: torch.Tensor, ended: torch.Tensor, tokens: torch.Tensor, nodes: torch.Tensor
    ) -> None:
        """Put away what ended among the best k; those further down must wait their turn."""
        k = self.settings.beams
        scores, ended = scores[:, :k], ended[:, :k]
        some = (ended & (scores > NEVER)).any(1).nonzero().squeeze(1)
        if len(some) == 0:
            return
        final = scores / self.step_number**self.settings.length_penalty
        final = final.masked_fill(~ended, NEVER)
        self.finished.offer(
            self.rows[some.cpu()],
            final[some].cpu(),
            tokens[some, :k].cpu(),
            nodes[some, :k].cpu(),
        )

    def _running(self) -> torch.Tensor:
        """[b] True where an answer that is better than the worst complete one may still come."""
        best = self.scores[:, 0].cpu() / self.step_number**self.settings.length_penalty
        worst = self.finished.scores[self.rows].amin(1)  # -inf until there are k
        running = (best > worst) & (best > NEVER)
        if self.settings.early_stopping:
            running &= worst == NEVER
        return running

    def _keep(self, which: torch.Tensor) -> None:
        self.rows = self.rows[which]
        which = which.to(self.device)
        self.cache.keep(which)
        for name in ("scores", "tokens", "nodes", "sees"):
            setattr(self, name, getattr(self, name)[which])


def _pick(values: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """[b, k, ...] values at positions [b, c] of each row -> [b, c, ...]."""
    index = which.reshape(*which.shape, *[1] * (values.ndim - 2))
    return values.gather(1, index.expand(*which.shape, *values.shape[2:]))
