"""A small training with every moving part, importable by tests and runnable as a process.

python job.py FOLDER OUT '{"settings": {...}, "pause": 0.01, "resume": true}'
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from palate.data.cases import Cases, Histories
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import Learned, Validation, fit, trained_tensors
from palate.training.next_item import Windows, all_positions, softmax_loss

ITEMS, LENGTH, USERS = 23, 6, 41


class TinyNet(nn.Module):
    """The mean of all item vectors so far and the last one, through one hidden layer."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS + 1, 8, padding_idx=ITEMS)
        self.hidden = nn.Linear(16, 8)
        self.dropout = nn.Dropout(dropout)

    def states(self, items: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.items(items))
        count = (items != ITEMS).cumsum(1).clamp(min=1)[..., None]
        return torch.tanh(self.hidden(torch.cat([x, x.cumsum(1) / count], -1)))

    def head(self, states: torch.Tensor) -> torch.Tensor:
        return states @ self.items.weight[:ITEMS].T

    def forward(self, items: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": softmax_loss(self.states(items), labels, self.head)}


def sequences(seed: int = 0) -> Histories:
    """Walks over a ring of items with some noise, of 3 to 20 events."""
    random = np.random.default_rng(seed)
    walks = []
    for _ in range(USERS):
        steps = random.choice([1, 2, 7], size=random.integers(3, 21), p=[0.7, 0.2, 0.1])
        walks.append(((random.integers(ITEMS) + steps.cumsum()) % ITEMS).tolist())
    return Histories.of(walks)


@dataclass
class Job:
    """One training from its seed to its end."""

    settings: dict[str, Any] = field(default_factory=dict)
    dropout: float = 0.2
    seed: int = 0
    pause: float = 0.0
    """Seconds each batch takes to be read."""
    hold: int = 0
    """Batches after which it waits for a signal, however late that comes; 0 waits for none."""

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net = TinyNet(self.dropout)
        self.batches = 0

    def run(
        self, folder: Path | None = None, resume: bool = False, progress: bool = False
    ) -> Learned:
        walks = sequences()
        config = TrainingConfig(**{"batch_size": 16, "epochs": 6, "patience": 99} | self.settings)
        return fit(
            self.net,
            Windows(Histories.of([walk[:-1].tolist() for walk in walks]), LENGTH),
            self.collate,
            config,
            self.validation(walks),
            FitContext(self.seed, folder, resume, progress),
        )

    def collate(self, windows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        self.batches += 1
        time.sleep(600 if self.batches == self.hold else self.pause)
        return all_positions(ITEMS)(windows)

    def validation(self, walks: Histories) -> Validation:
        histories = Histories.of([walk[:-1].tolist() for walk in walks])
        return Validation(Cases(histories, np.array([walk[-1] for walk in walks])), self.score, 16)

    @torch.no_grad()
    def score(self, histories: Histories) -> np.ndarray:
        states = self.net.states(torch.from_numpy(histories.padded(LENGTH, ITEMS)))
        return self.net.head(states[:, -1]).numpy()

    def weights(self) -> dict[str, torch.Tensor]:
        return trained_tensors(self.net)


def main() -> None:
    folder, out, options = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    torch.set_num_threads(1)
    # Whoever runs the tests in the background may have had Ctrl-C ignored for all they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run = {key: options.pop(key) for key in ("resume", "progress") if key in options}
    job = Job(**options)
    learned = job.run(folder, **run)
    rank = os.environ.get("RANK", "0")
    out.mkdir(exist_ok=True)
    save_file(job.weights(), out / f"{rank}.safetensors")
    (out / f"{rank}.json").write_text(json.dumps([learned.best, learned.epochs, learned.history]))


if __name__ == "__main__":
    main()
