"""What linear item-to-item models in closed form share: how they are kept.

Legend: i items of the catalogue.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from palate.data.catalogue import Catalogue
from palate.recommenders.base import Recommender


class ItemWeights(Recommender):
    """A recommender that is [i, i] weights from items to items, and how popular each is."""

    deterministic = True
    _weights: npt.NDArray[np.float32]
    _popularity: npt.NDArray[np.float32]

    def state(self) -> dict[str, torch.Tensor]:
        return {
            "weights": torch.from_numpy(self._weights),
            "popularity": torch.from_numpy(self._popularity),
        }

    def load_state(self, state: dict[str, torch.Tensor], catalogue: Catalogue) -> None:
        self._weights = state["weights"].numpy()
        self._popularity = state["popularity"].numpy()
