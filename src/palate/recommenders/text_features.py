"""What a language model says of items, at a scale that nets learn well from, the same for others.

Legend: i items, h hidden size of the language model, t dimensions of text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

FAINT = 1e-2  # of the largest spread: directions fainter than that are not blown up further


@dataclass(frozen=True)
class TextBasis:
    """A linear map of a language model's vectors, found on some catalogue and usable on any.

    A language model's vectors share a large mean and a few outsized directions, which drown what
    tells items apart. The mean goes; the principal components are kept with the square root of
    their spread, so that the first lead but do not drown the rest.

    Attributes:
        mean: [h] of the vectors.
        basis: [h, t].
    """

    mean: torch.Tensor
    basis: torch.Tensor

    @classmethod
    def of(cls, vectors: torch.Tensor, dims: int | None) -> TextBasis:
        """The map whose features of these vectors [i, h] have mean 0 and unit variance in all.

        Args:
            dims: t, the components kept; those that the vectors do not fill are zero. None keeps
                all dimensions and standardises each.
        """
        mean = vectors.mean(0)
        centred = vectors - mean
        if dims is None:
            spread = centred.std(0, correction=0)
            return cls(mean, torch.diag(1 / spread.clamp(min=FAINT * float(spread.max()) + 1e-6)))
        _, spread, right = torch.linalg.svd(centred, full_matrices=False)
        filled = min(dims, len(spread))
        basis = torch.zeros(vectors.shape[1], dims)
        floor = FAINT * float(spread[0]) + 1e-6
        basis[:, :filled] = right[:filled].T / spread[:filled].clamp(min=floor).sqrt()
        scale = (centred @ basis[:, :filled]).std(correction=0).clamp(min=1e-6)
        return cls(mean, basis / scale)

    def features(self, vectors: torch.Tensor) -> torch.Tensor:
        """[i, h] -> [i, t]."""
        return (vectors - self.mean) @ self.basis
