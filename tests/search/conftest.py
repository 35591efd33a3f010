"""Collections for tests: a small one of ours, and real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.layouts import read_documents

SMALL = [
    Document("wing", "The flutter of a swept wing in supersonic flow.", "Wing flutter"),
    Document("heat", "Heat conduction in composite slabs, and the heat of slabs.", "Heat"),
    Document("cat", "Cats sleep most of the day and hunt at night.", "Of cats"),
    Document("dog", "Dogs bark at cats by day and sleep at night.", "Of dogs"),
    Document("flow", "Laminar flow over a flat plate at supersonic speed.", "Boundary layers"),
]


@pytest.fixture
def small(tmp_path: Path) -> SearchIndex:
    """An index of five documents."""
    index = SearchIndex.create(tmp_path / "idx")
    index.add(SMALL)
    return index


def _real(path: Path, folder: Path) -> SearchIndex:
    if not path.exists():
        pytest.skip(f"{path} is not here: set PALATE_SHARED_DATA to test on it")
    index = SearchIndex.create(folder)
    index.add(read_documents(path))
    return index


@pytest.fixture(scope="session")
def scifact(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    """5,183 abstracts."""
    return _real(shared_data / "scifact", tmp_path_factory.mktemp("scifact") / "idx")


@pytest.fixture(scope="session")
def cranfield(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    """1,400 abstracts."""
    path = shared_data / "cranfield/cran.all.1400"
    return _real(path, tmp_path_factory.mktemp("cranfield") / "idx")
