"""Bibliographies in Markdown: lists or tables of papers under headings, which are a labelled tree.

Headings are ``#`` lines, bold lines and ``<summary>`` lines; numbers in front ("1.2.1") tell how
deep those without ``#`` stand. A paper is a list item or a row of a table with a column for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from palate.data.readers.encoding import utf8
from palate.data.readers.text import read_bytes
from palate.errors import DataError
from palate.research.papers import Paper, normalised
from palate.research.trees import Tree

HASHES = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
BOLD = re.compile(
    r"^\s*(?:<summary>)?\s*(?:<b>(.*?)</b>|\*\*(.*?)\*\*|__(.*?)__)\s*:?\s*(?:</summary>)?\s*$"
)
SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.IGNORECASE)
NUMBER = re.compile(r"^\s*((?:\d+\.)*\d+)\.?\s+(?=\S)")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(.*)$")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]*(?:\([^()]*\)[^()\s]*)*)[^)]*\)")
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
TAG = re.compile(r"<[^>]*>")
ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(\d{2})(\d{2})\.\d{4,5}")
IDENTIFIER = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5})|(10\.\d{4,}/[^\s\"<>]+)")
YEAR = re.compile(r"\b(19[5-9]\d|20\d\d)\b")
TITLE_COLUMNS = ("paper", "title", "paper title", "papers")
VENUE_COLUMNS = ("publication", "venue", "year", "date", "conference", "published")
NO_TITLES = re.compile(
    r"^\W*(paper|pdf|link|code|arxiv|project( page)?|website|github|demo|data(set)?|bib|slides|"
    r"video|blog|home ?page|page|url|doi|official code|\d+)\W*$", re.IGNORECASE,
)  # fmt: skip
UNDER_HASHES = 10  # depth from which headings without hashes count
SHORTEST = 2  # words of a title


@dataclass
class _Node:
    """A heading, while the file is read."""

    label: str
    rank: int
    children: list[_Node] = field(default_factory=list)
    papers: list[str] = field(default_factory=list)

    def tree(self) -> Tree | None:
        """What holds papers; None if nothing does."""
        children = [tree for child in self.children if (tree := child.tree()) is not None]
        if not children and not self.papers:
            return None
        return Tree(self.label, tuple(children), tuple(dict.fromkeys(self.papers)))


@dataclass(frozen=True)
class Bibliography:
    """Papers, and the tree that the headings make of them; headings without papers are left out."""

    papers: list[Paper]
    tree: Tree


def read(path: Path, topic: str = "") -> Bibliography:
    """A bibliography.

    Args:
        topic: label of the root; by default the first heading of the first level, or the name.

    Raises:
        DataError: no list and no table holds a paper.
    """
    text = utf8(read_bytes(path), path, "").decode("utf-8-sig")
    root = _Node(topic, 0)
    above = [root]
    papers: dict[str, Paper] = {}
    columns: list[str] | None = None
    for line in _lines(text):
        if (heading := _heading(line)) is not None:
            columns = None
            label, rank = heading
            if rank == 1 and not root.children and not root.papers:
                root.label = root.label or label
                continue
            while above[-1].rank >= rank:
                above.pop()
            above[-1].children.append(node := _Node(label, rank))
            above.append(node)
            continue
        cells = _cells(line)
        if cells is None:
            columns = None
            item = ITEM.match(line)
            paper = _of_item(item.group(1)) if item else None
        elif columns is None:
            columns = [_plain(cell).casefold() for cell in cells]
            continue
        else:
            paper = _of_row(columns, cells)
        if paper is not None:
            above[-1].papers.append(papers.setdefault(paper.id, paper).id)
    tree = root.tree()
    if tree is None:
        raise DataError(f"{path}: no list item and no table row under a heading names a paper")
    label = tree.label or path.stem
    return Bibliography(list(papers.values()), Tree(label, tree.children, tree.papers))


def papers(path: Path) -> list[Paper]:
    """The papers alone."""
    return read(path).papers


def _lines(text: str) -> Iterator[str]:
    """Lines outside of blocks of code and comments."""
    fence = False
    for line in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fence = not fence
        elif not fence:
            yield line


def _heading(line: str) -> tuple[str, int] | None:
    """Label and rank of a heading; the smaller the rank, the higher it stands."""
    if found := HASHES.match(line):
        rank, label = len(found.group(1)), found.group(2)
    elif (found := SUMMARY.search(line)) or (found := BOLD.match(line)):
        label = next(part for part in found.groups() if part is not None)
        number = NUMBER.match(_plain(label))
        levels = number.group(1).count(".") + 1 if number else 0
        rank = UNDER_HASHES + (2 * levels if levels else 1 if "<summary" in line else 99)
    else:
        return None
    label = NUMBER.sub("", _plain(label)).strip(" :")
    return (label, rank) if label else None


def _cells(line: str) -> list[str] | None:
    """The cells of a table's row; None if the line is none; the ruler's are no cells."""
    if not line.lstrip().startswith("|"):
        return None
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    return cells


def _of_row(columns: list[str], cells: list[str]) -> Paper | None:
    if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
        return None
    named = dict(zip(columns, cells, strict=False))
    title = next((named[name] for name in TITLE_COLUMNS if named.get(name)), "")
    venue = next((named[name] for name in VENUE_COLUMNS if named.get(name)), "")
    links = [address for cell in cells for _, address in LINK.findall(cell)]
    return _paper(_plain(title), links, _plain(venue))


def _of_item(item: str) -> Paper | None:
    links = LINK.findall(item)
    if any(address.startswith("#") for _, address in links):  # a table of contents
        return None
    titles = [text for text, _ in links if not NO_TITLES.match(_plain(text))]
    before = _plain(LINK.split(item)[0]) if links else _plain(item)
    if not links and not re.search(r"\*\*|\"|“|arxiv|doi", item, re.IGNORECASE):
        return None  # prose in a list
    quoted = re.search(r"\*\*(.+?)\*\*|[\"“](.+?)[\"”]", item)
    if titles and len(_plain(titles[0]).split()) >= SHORTEST:
        title = _plain(titles[0])
    elif quoted:
        title = _plain(quoted.group(1) or quoted.group(2))
    else:
        title = before.strip(" -:,.([")
    return _paper(title, [address for _, address in links], _plain(LINK.sub(" ", item)))


def _paper(title: str, links: list[str], venue: str) -> Paper | None:
    title = title.strip(" \t\"“”'.,:")
    if len(title.split()) < SHORTEST or not normalised(title):
        return None
    date, name = "", ""
    for link in links:
        if not date and (found := ARXIV.search(link)) and 1 <= int(found.group(2)) <= 12:
            date = f"20{found.group(1)}-{found.group(2)}"
        if not name and (known := IDENTIFIER.search(link)):
            name = f"arxiv:{known.group(1)}" if known.group(1) else known.group(2).rstrip("/.")
    if not date and (year := YEAR.search(venue)):
        date = year.group(1)
    return Paper(
        name or "title:" + normalised(title).replace(" ", "-")[:120],
        title,
        date=date,
        extra={"venue": venue} if venue else {},
    )


def _plain(text: str) -> str:
    """Text without links, images, tags and emphasis."""
    text = LINK.sub(lambda one: one.group(1), IMAGE.sub("", text))
    return " ".join(re.sub(r"(\*\*|__|`|\\(?=\|))", "", TAG.sub("", text)).strip("*_ ").split())
