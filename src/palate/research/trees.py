"""A field as a tree: labels, papers at the nodes, and how it is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from palate.errors import DataError

JUNK = re.compile(r"^examples?(\(s\))?$", re.IGNORECASE)
ASIDE = re.compile(r"^\(?(e\.g\.|i\.e\.)", re.IGNORECASE)
DEEPEST = 100  # levels that a tree may have


@dataclass(frozen=True)
class Tree:
    """A node of a field's tree with all that is below it.

    Attributes:
        label: what the node is about; the root's is the topic.
        papers: ids of the papers that belong to the node itself, and to no child of it.
    """

    label: str
    children: tuple[Tree, ...] = ()
    papers: tuple[str, ...] = ()

    def walk(self) -> Iterator[tuple[Tree, tuple[str, ...]]]:
        """Every node with the labels from the root down to it, parents before children."""
        open_: list[tuple[Tree, tuple[str, ...]]] = [(self, (self.label,))]
        while open_:
            node, path = open_.pop()
            yield node, path
            open_ += [(child, (*path, child.label)) for child in reversed(node.children)]

    @property
    def size(self) -> int:
        """Number of nodes, the root among them."""
        return sum(1 for _ in self.walk())

    @property
    def depth(self) -> int:
        """Levels, the root's among them."""
        return max(len(path) for _, path in self.walk())

    def labels(self, root: bool = False) -> list[str]:
        """Labels of the nodes; the root's is what was asked for, and tells nothing."""
        labels = [node.label for node, _ in self.walk()]
        return labels if root else labels[1:]

    def all_papers(self) -> list[str]:
        """Every paper once, in the order of the nodes."""
        return list(dict.fromkeys(paper for node, _ in self.walk() for paper in node.papers))

    def paths(self) -> dict[str, list[tuple[str, ...]]]:
        """Of each paper the labels from below the root to its nodes; often one path."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for node, path in self.walk():
            for paper in node.papers:
                found.setdefault(paper, []).append(path[1:])
        return found

    def groups(self, papers: Sequence[str]) -> list[int]:
        """One number per paper: its (first) node's, or one that all absent papers share."""
        place: dict[str, int] = {}
        for number, (node, _) in enumerate(self.walk()):
            for paper in node.papers:
                place.setdefault(paper, number)
        return [place.get(paper, -1) for paper in papers]

    def nested(self) -> tuple[str, tuple[Any, ...]]:
        """Labels alone, as :mod:`palate.evaluation.trees` takes them."""
        return self.label, tuple(child.nested() for child in self.children)

    def only(self, papers: set[str]) -> Tree:
        """The tree with only these papers; every node stays."""
        return replace(
            self,
            children=tuple(child.only(papers) for child in self.children),
            papers=tuple(paper for paper in self.papers if paper in papers),
        )

    def as_json(self) -> dict[str, Any]:
        """What :func:`from_json` reads."""
        told: dict[str, Any] = {"label": self.label}
        if self.papers:
            told["papers"] = list(self.papers)
        if self.children:
            told["children"] = [child.as_json() for child in self.children]
        return told


def from_json(told: Any, where: str = "tree", level: int = 0) -> Tree:
    """The tree of ``{"label": …, "children": […], "papers": […]}``.

    Raises:
        DataError: another shape.
    """
    if level > DEEPEST:
        raise DataError(f"{where}: a tree of more than {DEEPEST} levels")
    if not isinstance(told, Mapping) or not isinstance(told.get("label"), str):
        raise DataError(f"{where}: a node is an object with a 'label', not {str(told)[:60]}")
    children, papers = told.get("children") or [], told.get("papers") or []
    if not isinstance(children, list) or not isinstance(papers, list):
        raise DataError(f"{where}: 'children' and 'papers' of '{told['label']}' are to be lists")
    below = f"{where} > {told['label'][:40]}"
    return Tree(
        told["label"],
        tuple(from_json(child, below, level + 1) for child in children),
        tuple(str(paper) for paper in papers),
    )


def from_typology(typology: Any, topic: str, where: str = "typology") -> Tree:
    """The tree of nested objects whose leaves are null, text or lists of text.

    Keys that only introduce examples, and leaves that are asides ("(e.g. …)"), are no part of a
    field. One top-level key is the root; where there are several, or what is read is a list, the
    topic is put above them.

    Raises:
        DataError: something else than objects, lists, text and null.
    """
    children = _branches(typology, where, 0)
    if isinstance(typology, Mapping) and len(children) == 1:
        return children[0]
    return Tree(topic, tuple(children))


def _branches(value: Any, where: str, level: int) -> list[Tree]:
    if level > DEEPEST:
        raise DataError(f"{where}: a tree of more than {DEEPEST} levels")
    if value is None:
        return []
    if isinstance(value, str):
        label = value.strip()
        return [] if not label or ASIDE.match(label) else [Tree(label)]
    if isinstance(value, list):
        return [node for one in value for node in _branches(one, where, level + 1)]
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: {value!r} is neither an object, a list, text nor null")
    nodes = []
    for key, below in value.items():
        label = str(key).strip()
        if JUNK.match(label) or ASIDE.match(label) or not label:
            continue
        nodes.append(Tree(label, tuple(_branches(below, f"{where} > {label[:40]}", level + 1))))
    return nodes


def read_tree(path: Path, topic: str = "") -> Tree:
    """A tree in JSON, in our form or as nested objects.

    Raises:
        DataError: no such file, no JSON, or no tree.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except OSError:
        raise DataError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: no JSON ({error})") from None
    if isinstance(told, Mapping) and isinstance(told.get("label"), str):
        return from_json(told, str(path))
    return from_typology(told, topic or path.stem, str(path))
