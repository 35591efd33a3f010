"""What a long experiment has computed so far, on disk, so that it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


class Kept:
    """Named arrays in a folder, each set computed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, name: str, compute: Callable[[], Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The arrays of that name, computed if they are not there yet."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            print(f"{name}: computing", flush=True)
            arrays = compute()
            self.folder.mkdir(parents=True, exist_ok=True)
            staged = path.with_suffix(".staged.npz")
            np.savez_compressed(staged, allow_pickle=False, **arrays)
            staged.replace(path)
        with np.load(path) as file:
            return dict(file)

    def __contains__(self, name: str) -> bool:
        return (self.folder / f"{name}.npz").exists()
