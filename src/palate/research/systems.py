"""All systems by name: published baselines and agents of our own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from palate.config import Config
from palate.errors import ConfigError
from palate.research.desk import Discovers, Organizes


@dataclass(frozen=True)
class Kind:
    """A system that can be made.

    Attributes:
        name: as people type it.
        does: ``discover``, which serves discovery and selection, or ``organize``.
        summary: one line for people.
        place: module and class below :mod:`palate.research`.
        model: it does nothing of use without a language model.
    """

    name: str
    does: Literal["discover", "organize"]
    summary: str
    place: str
    model: bool = False

    def load(self) -> Any:
        """Its class."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(f"palate.research.{module}"), name)


SYSTEMS = (
    Kind("title", "discover", "the topic as it is, searched once", "baselines.title:Title"),
    Kind("zero-shot", "discover", "one query that a language model writes",
         "baselines.queries:ZeroShot", True),
    Kind("decomposer", "discover", "queries for parts of the topic, fused",
         "baselines.queries:Decomposer", True),
    Kind("self-rag", "discover", "papers judged, and the query refined from those that are kept",
         "baselines.self_rag:SelfRAG", True),
    Kind("storm", "discover", "perspectives that ask questions; all that answers them",
         "baselines.storm:STORM", True),
    Kind("scout", "discover", "many ways to search, and what the best papers lead to, fused",
         "agents.scout:Scout"),
    Kind("clustering", "organize", "Ward's dendrogram with TF-IDF labels",
         "baselines.clustering:Clustering"),
    Kind("few-shot", "organize", "a tree that a language model writes from memory",
         "baselines.written:FewShot", True),
    Kind("outline", "organize", "STORM's outline, written with the papers in view",
         "baselines.written:Outline", True),
    Kind("cartographer", "organize", "groups within groups, named, merged and capped",
         "agents.cartographer:Cartographer"),
)  # fmt: skip


def kind(name: str) -> Kind:
    """The system of that name; a variant's name follows ``@``.

    Raises:
        ConfigError: there is none.
    """
    base = name.partition("@")[0]
    found = next((one for one in SYSTEMS if one.name == base), None)
    if found is None:
        names = [one.name for one in SYSTEMS]
        near = difflib.get_close_matches(base, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise ConfigError(f"no system is called '{base}'; {hint}")
    return found


def make(name: str, settings: Mapping[str, Any] | None = None) -> Discovers | Organizes:
    """A system with settings, as typed or of their own types.

    Raises:
        ConfigError: no such system, or a setting is unknown or out of range.
    """
    from palate.recommenders.registry import configure

    found = kind(name).load()
    config: Config = configure(name, settings or {}, found.Config)
    made: Discovers | Organizes = found(config, name)
    return made


def make_discoverer(name: str, settings: Mapping[str, Any] | None = None) -> Discovers:
    """A system that finds papers.

    Raises:
        ConfigError: that name is of another kind.
    """
    if kind(name).does != "discover":
        raise ConfigError(f"'{name}' makes trees; papers are found by {_names('discover')}")
    return make(name, settings)  # type: ignore[return-value]


def make_organizer(name: str, settings: Mapping[str, Any] | None = None) -> Organizes:
    """A system that makes trees.

    Raises:
        ConfigError: that name is of another kind.
    """
    if kind(name).does != "organize":
        raise ConfigError(f"'{name}' finds papers; trees are made by {_names('organize')}")
    return make(name, settings)  # type: ignore[return-value]


def _names(does: str) -> str:
    return ", ".join(one.name for one in SYSTEMS if one.does == does)
