"""Data that tests share: folders of real files, and MovieLens 100K."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split

ROOT = Path(__file__).parent.parent

# Laws are checked by what they say, not by how fast a busy machine draws examples.
settings.register_profile(
    "palate", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("palate")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that are not part of the repository."""
    folder = Path(os.environ.get("PALATE_SHARED_DATA") or ROOT / "../shared/data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set PALATE_SHARED_DATA to test on its data sets")
    return folder


@pytest.fixture(scope="session")
def ml100k() -> Dataset:
    """MovieLens 100K, every rating an event."""
    return load(DataConfig(data="ml-100k"))


@pytest.fixture(scope="session")
def ml100k_split(ml100k: Dataset) -> Split:
    """MovieLens 100K, leave-one-out."""
    return make_split(ml100k, "leave-one-out")
