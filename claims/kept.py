"""What a long experiment has computed so far, on disk, so that it goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


class Kept:
    """Named arrays in a folder, each set computed once.

    Small arrays may be kept as text, so that they can be committed: an experiment of many hours
    then goes on on another machine, and others can test what was found per user.
    """

    def __init__(self, folder: Path, text: bool = False) -> None:
        """
        Args:
            text: as JSON, numbers to six digits, with the commit that computed them.
        """
        self.folder, self.text = folder, text

    def __call__(
        self, name: str, compute: Callable[[], Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The arrays of that name, computed if they are not there yet."""
        path = self._path(name)
        if not path.exists():
            print(f"{name}: computing", flush=True)
            self.keep(name, compute())
        if self.text:
            arrays = json.loads(path.read_text("utf-8"))["arrays"]
            return {key: np.array(values) for key, values in arrays.items()}
        with np.load(path) as file:
            return dict(file)

    def keep(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the arrays under that name."""
        from palate.experiments.atomic import replacing
        from palate.experiments.environment import environment

        with replacing(self._path(name)) as staged:
            if self.text:
                about = {key: environment()[key] for key in ("commit", "processor", "started")}
                found = {key: _plain(values) for key, values in arrays.items()}
                document = {"name": name, **about, "arrays": found}
                staged.write_text(json.dumps(document, ensure_ascii=False) + "\n", "utf-8")
            else:
                with staged.open("wb") as file:
                    np.savez_compressed(file, allow_pickle=False, **arrays)

    def __contains__(self, name: str) -> bool:
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.{'json' if self.text else 'npz'}"


def _plain(values: np.ndarray) -> object:
    values = np.asarray(values)
    if values.dtype.kind != "f":
        return values.tolist()
    return np.vectorize(lambda one: float(f"{one:.6g}"), otypes=[float])(values).tolist()
