"""Writers are killed, readers go on: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.lexical import BM25, BM25Config
from palate.search.results import Query

WRITER = """
import sys, itertools
from palate.search.documents import Document
from palate.search.index import SearchIndex
index = SearchIndex(sys.argv[1])
def documents():
    for n in itertools.count(int(sys.argv[2])):
        yield Document(f"d{n}", f"document number{n} of all " + "filler words " * 50)
        if n % 50 == 0:
            print(n, flush=True)
index.add(documents(), batch=100)
"""

READER = """
import sys, time
from palate.search.index import SearchIndex
from palate.search.lexical import BM25, BM25Config
from palate.search.results import Query
index = SearchIndex(sys.argv[1])
bm25 = BM25(BM25Config(), index)
end, last, looks = time.time() + float(sys.argv[2]), 0, 0
while time.time() < end:
    with index.reading() as snapshot:
        [found] = bm25.retrieve([Query("1", "document")], 10**6)
        assert len(found) == len(snapshot) == snapshot.store.count() >= last
        last, looks = len(found), looks + 1
print(last, looks)
"""


def start(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("extra", [0.0, 0.05, 0.17, 0.4])
def test_a_killed_writer_leaves_what_was_committed(tmp_path: Path, extra: float):
    index = SearchIndex.create(tmp_path / "idx")
    writer = start(WRITER, index.folder, 0)
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 350:
        pass
    time.sleep(extra)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    again = SearchIndex(index.folder)
    count = len(again.snapshot())
    assert count >= 300
    assert count % 100 == 0  # whole commits only
    [found] = BM25(BM25Config(), again).retrieve([Query("1", "document")], 10**6)
    assert sorted(found.documents) == sorted(f"d{n}" for n in range(count))
    assert again.snapshot().text("d7").startswith("document number7 ")
    again.add([Document("after", "the lock went with the process")])
    assert "after" in SearchIndex(index.folder).snapshot()


def test_readers_see_whole_commits_while_a_writer_writes_and_merges(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx")
    index.add([Document("first", "document")])
    writer = start(WRITER, index.folder, 1)
    readers = [start(READER, index.folder, 4) for _ in range(2)]
    told = [reader.communicate()[0] for reader in readers]
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    for reader, line in zip(readers, told, strict=True):
        assert reader.returncode == 0
        seen, looks = map(int, line.split())
        assert looks > 1
        assert seen > 1


def test_a_second_process_may_not_write(tmp_path: Path):
    index = SearchIndex.create(tmp_path / "idx")
    with index.writing():
        code = "import sys; from palate.cli import main; sys.argv[0] = 'palate'; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "search", "add", index.folder, "--id", "a", "--text", "b"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "somebody else is writing to this index" in done.stderr
