"""The answers that are allowed, as a tree of tokens.

The tree is kept in compressed sparse rows, so that one step of a search over many beams is a few
array operations and never a call per beam.

Legend: n nodes, e edges, a answers, f nodes looked at, x edges that leave them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from palate.errors import ConfigError

ROOT = 0


class Trie:
    """Token sequences as a tree; answers with the same tokens share a leaf.

    Nodes are numbered level by level, and within a level by parent and token. Node 0 is the root,
    and the edge into node j has number j - 1.

    Attributes:
        size: number of nodes, the root counted.
        depth: tokens of the longest answer.
        parents: [n] parent of each node; the root is its own.
        tokens: [e] token of each edge.
        offsets: [n + 1] the edges that leave node j are ``offsets[j]:offsets[j + 1]``.
        leaves: [a] the leaf that each answer ends in.
    """

    def __init__(self, answers: Sequence[Sequence[int]]) -> None:
        """
        Args:
            answers: tokens of each answer, the end included, so that none is the beginning of
                another.

        Raises:
            ConfigError: there is no answer, one is empty, or one begins another.
        """
        lengths = np.array([len(answer) for answer in answers])
        if len(answers) == 0 or lengths.min() == 0:
            raise ConfigError("a tree of answers needs answers, each of at least one token")
        flat = np.concatenate([np.asarray(answer, dtype=np.int64) for answer in answers])
        starts = np.cumsum(lengths) - lengths
        span = int(flat.max()) + 1
        at = np.zeros(len(answers), dtype=np.int64)  # [a] where each answer has come to
        parents, tokens, size = [np.zeros(1, dtype=np.int64)], [], 1
        self._levels: list[int] = []  # first node of each level below the root
        for depth in range(int(lengths.max())):
            going = np.flatnonzero(lengths > depth)
            steps = at[going] * span + flat[starts[going] + depth]
            self._levels.append(size)
            distinct, which = np.unique(steps, return_inverse=True)
            at[going] = size + which
            parents.append(distinct // span)
            tokens.append(distinct % span)
            size += len(distinct)
        self.size, self.depth = size, int(lengths.max())
        self.parents = torch.from_numpy(np.concatenate(parents))
        self.tokens = torch.from_numpy(np.concatenate(tokens))
        fanout = np.bincount(np.concatenate(parents)[1:], minlength=size)
        self.offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(fanout)]))
        self.leaves = torch.from_numpy(at)
        begun = np.flatnonzero(fanout[at])
        if len(begun):
            tokens_there = list(answers[begun[0]])
            raise ConfigError(f"answer {begun[0]} ({tokens_there}) begins another; give it an end")
        self._by_leaf = torch.argsort(self.leaves, stable=True)
        self._ends = torch.from_numpy(np.cumsum(np.bincount(at, minlength=size)))

    def to(self, device: torch.device) -> Trie:
        """The tree on a device; itself if it is there."""
        if self.tokens.device == device:
            return self
        moved = object.__new__(Trie)
        for name, value in vars(self).items():
            setattr(moved, name, value.to(device) if isinstance(value, torch.Tensor) else value)
        return moved

    def edges(self, nodes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All edges that leave *nodes* [f].

        Returns:
            Position in *nodes* [x] and number [x] of each edge, in order of both. An edge leads to
            the node of its number plus one.
        """
        first = self.offsets[nodes]
        fanout = self.offsets[nodes + 1] - first
        owners = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), fanout)
        begins = torch.cumsum(fanout, 0) - fanout
        within = torch.arange(len(owners), device=nodes.device) - begins[owners]
        return owners, first[owners] + within

    def is_leaf(self, nodes: torch.Tensor) -> torch.Tensor:
        """True for nodes in which an answer ends; same shape as *nodes*."""
        return self.offsets[nodes] == self.offsets[nodes + 1]

    def answers_at(self, leaf: int) -> list[int]:
        """The answers that end in a leaf, in the order they were given."""
        start = int(self._ends[leaf - 1])
        return self._by_leaf[start : int(self._ends[leaf])].tolist()

    def masses(self, weights: torch.Tensor) -> torch.Tensor:
        """[b, n] sum of the weights of the answers below each node.

        Args:
            weights: [b, a] a non-negative weight of each answer.
        """
        masses = weights.new_zeros(len(weights), self.size)
        masses.index_add_(1, self.leaves, weights)
        for start, stop in reversed(list(pairwise([*self._levels, self.size]))):
            masses.index_add_(1, self.parents[start:stop], masses[:, start:stop].clone())
        return masses

    def inner(self) -> torch.Tensor:
        """The nodes but the root and the leaves."""
        nodes = torch.arange(1, self.size, device=self.tokens.device)
        return nodes[~self.is_leaf(nodes)]

    def depths(self) -> torch.Tensor:
        """[n] tokens from the root to each node."""
        starts = torch.tensor(self._levels, device=self.tokens.device)
        nodes = torch.arange(self.size, device=self.tokens.device)
        return torch.searchsorted(starts, nodes, right=True)

    def path_sums(self, values: torch.Tensor) -> torch.Tensor:
        """[n] sum of a value of each edge [e] over the way from the root to each node."""
        sums = torch.cat([values.new_zeros(1), values])
        for start, stop in pairwise([*self._levels, self.size]):
            sums[start:stop] += sums[self.parents[start:stop]]
        return sums

    def ancestors(self, nodes: torch.Tensor) -> torch.Tensor:
        """[f, f] True where the second of *nodes* [f] is on the way to the first, or is it.

        Args:
            nodes: in ascending order, each with all its ancestors but the root.
        """
        place = torch.full((self.size,), -1, device=nodes.device)
        place[nodes] = torch.arange(len(nodes), device=nodes.device)
        parents = place[self.parents[nodes]]
        found = torch.eye(len(nodes), dtype=torch.bool, device=nodes.device)
        for row, parent in enumerate(parents.tolist()):
            if parent >= 0:
                found[row] |= found[parent]
        return found
