"""Which stages there are, and how a pipeline is read from a line or from a file.

A pipeline is written as its stages in their order: ``query2doc > bm25 + dense > rrf > yesno``.
Rewriters stand first, then the retrievers, joined by ``+``; then, where there are several, what
fuses their lists (``rrf`` if nothing is said); then re-rankers. A stage is a name, perhaps with
what its first setting is behind a colon (``dense:BAAI/bge-base-en-v1.5``), perhaps with settings
in brackets (``bm25(k1=1.2, b=0.75)``).

Stages are named by where they live and imported when asked for. A class of a stage has a
``Config``, a ``kind`` (rewriter, retriever, fusion or reranker), and takes its config, the index
(a fusion does not) and its name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from palate.errors import ConfigError
from palate.recommenders.registry import configure
from palate.search.index import SearchIndex
from palate.search.pipeline import Pipeline


@dataclass(frozen=True)
class Kind:
    """One line of the list of stages.

    Attributes:
        name: what people type.
        summary: what it does, in one line.
        target: ``module:Class`` in ``palate.search``.
        main: the setting that stands behind a colon; empty if none does.
        settings: what this name sets beside the defaults.
    """

    name: str
    summary: str
    target: str
    main: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


STAGES = (
    Kind("bm25", "documents that share words with the query", "lexical:BM25"),
    Kind("rm3", "BM25 again with words of the first documents", "lexical:BM25",
         settings={"feedback": "rm3"}),
    Kind("rocchio", "BM25 again, moved towards the first documents", "lexical:BM25",
         settings={"feedback": "rocchio"}),
    Kind("dense", "passages whose vectors are near the query's", "dense:Dense", "model"),
    Kind("dense-rocchio", "dense again, moved towards the first documents", "dense:Dense", "model",
         settings={"feedback": "rocchio"}),
    Kind("lsa", "dense without a model: TF-IDF and truncated SVD", "dense:Dense",
         settings={"model": "lsa"}),
    Kind("splade", "terms that a masked language model adds and weighs", "sparse:Splade", "model"),
    Kind("rrf", "fusion of lists by reciprocal ranks", "fusion:RRF", "k0"),
    Kind("convex", "fusion of lists by weighted scores", "fusion:Convex"),
    Kind("correct", "spelling, held against the index's words", "language_stages:CorrectionStage"),
    Kind("rewrite", "one better wording", "language_stages:RewritingStage", "model"),
    Kind("query2doc", "a made-up passage after the query", "language_stages:Query2DocStage",
         "model"),
    Kind("grounded", "a made-up passage, after reading what BM25 found first",
         "language_stages:GroundedStage", "model"),
    Kind("hyde", "made-up passages, for dense search", "language_stages:HyDEStage", "model"),
    Kind("multi-query", "several wordings", "language_stages:MultiQueryStage", "model"),
    Kind("decompose", "the questions a long one is made of", "language_stages:DecompositionStage",
         "model"),
    Kind("yesno", "re-ranks by how likely a passage is called an answer",
         "language_stages:YesNoStage", "model"),
    Kind("qlm", "re-ranks by how likely a passage makes the query",
         "language_stages:LikelihoodStage", "model"),
    Kind("pairwise", "re-ranks by comparing two passages at a time",
         "language_stages:PairwiseStage", "model"),
    Kind("setwise", "re-ranks by the best of a few passages at a time",
         "language_stages:SetwiseStage", "model"),
    Kind("listwise", "re-ranks by asking for the order of a window of passages",
         "language_stages:ListwiseStage", "model"),
    Kind("first", "re-ranks a window by the likelihoods of its letters, in one pass",
         "language_stages:ListwiseStage", "model", settings={"read": "letters"}),
    Kind("cross-encoder", "re-ranks by a distilled cross-encoder",
         "language_stages:CrossEncoderStage", "folder"),
    Kind("lambdamart", "re-ranks by trees on features", "language_stages:LambdaMARTStage",
         "folder"),
)  # fmt: skip

NAMED = {"hybrid": "bm25 + dense > convex"}
"""Whole pipelines with a name; more stages may follow it. Equal weights were the best for SciFact's
training queries; see claims/llm4search.py (part "pipelines")."""

WORD = re.compile(r"([A-Za-z0-9][\w.-]*)(?::([^()\s][^()]*?))?\s*(?:\((.*)\))?", re.DOTALL)

QUOTED = re.compile(r"""(?<==)\s*(?:"[^"]*"|'[^']*')(?=\s*[,)]|\s*$)""")


@dataclass(frozen=True)
class Stage:
    """A stage as it was written: its kind's name, its settings, what traces call it."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""


def stage(name: str) -> Kind:
    """The stage of that name.

    Raises:
        ConfigError: there is none.
    """
    known = {one.name: one for one in STAGES}
    if name not in known:
        near = difflib.get_close_matches(name, [*known, *NAMED], n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"no search stage is called '{name}'; {hint}")
    return known[name]


def load(kind: Kind) -> Any:
    """Its class.

    Raises:
        ConfigError: what it needs is not installed.
    """
    module, _, name = kind.target.partition(":")
    try:
        return getattr(import_module(f"palate.search.{module}"), name)
    except ImportError as error:
        raise ConfigError(
            f"stage '{kind.name}' needs what is not installed ({error}): "
            "pip install 'palate[search]'"
        ) from None


def pipeline(index: SearchIndex, written: str | Path | Sequence[Stage]) -> Pipeline:
    """A pipeline over *index* from a line, a YAML file, or stages.

    Raises:
        ConfigError: an unknown stage or setting, or stages in an order that makes no sense.
    """
    if isinstance(written, str | Path):
        stages = read(written)
        name = Path(written).stem if _is_file(written) else " ".join(str(written).split())
    else:
        stages, name = list(written), " > ".join(one.label or one.kind for one in written)
    if not stages:
        raise ConfigError("the pipeline has no stage; the simplest one is: bm25")
    found: dict[str, list[Any]] = {k: [] for k in ("rewriter", "retriever", "fusion", "reranker")}
    order = list(found)
    reached = 0
    labels: set[str] = set()
    for one in stages:
        kind = stage(one.kind)
        built = load(kind)
        if order.index(built.kind) < reached:
            raise ConfigError(
                f"'{kind.name}' is a {built.kind} and cannot stand after a {order[reached]}; "
                "the order is rewriters, retrievers, fusion, rerankers"
            )
        reached = order.index(built.kind)
        label = _unique(one.label or kind.name, labels)
        config = configure(kind.name, {**kind.settings, **one.settings}, built.Config)
        made = built(config, label) if built.kind == "fusion" else built(config, index, label)
        found[built.kind].append(made)
    if not found["retriever"]:
        raise ConfigError(f"'{name}' finds nothing: name a retriever, as bm25, dense or hybrid")
    if len(found["fusion"]) > 1:
        raise ConfigError(f"'{name}' fuses twice; once is enough")
    return Pipeline(
        index, found["retriever"], found["rewriter"], (found["fusion"] or [None])[0],
        found["reranker"], name,
    )  # fmt: skip


def choose(index: SearchIndex, line: str) -> list[str]:
    """Make a line of stages the index's own, with what it keeps of documents computed.

    Returns:
        Remarks, as that no model is within reach; where there are any, nothing is chosen.

    Raises:
        ConfigError: the line cannot be read, or is the name of a file.
        RunError: another process is writing.
    """
    if _is_file(line):
        raise ConfigError(f"{line}: an index keeps stages, not a file of them; write them out")
    made = pipeline(index, line)
    made.prepare()
    remarks = made.remarks
    if not remarks:
        index.set_pipeline(made.name)
    return remarks


def read(written: str | Path) -> list[Stage]:
    """The stages of a line, or of a YAML file: a list of names, or of ``{name: settings}``.

    Raises:
        ConfigError: it cannot be read.
    """
    if _is_file(written):
        return _of_yaml(Path(written))
    stages: list[Stage] = []
    for part in _split(str(written), ">"):
        if part in NAMED:
            stages += read(NAMED[part])
        else:
            stages += [_of_word(word) for word in _split(part, "+")]
    return stages


def _is_file(written: str | Path) -> bool:
    return str(written).endswith((".yaml", ".yml"))


def _of_yaml(path: Path) -> list[Stage]:
    import yaml

    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(value, list):
        raise ConfigError(f"{path}: a pipeline is a list of stages, as: - bm25")
    stages: list[Stage] = []
    for place, entry in enumerate(value, start=1):
        if isinstance(entry, str):
            stages += read(entry)
            continue
        if not isinstance(entry, dict) or len(entry) != 1:
            raise ConfigError(f"{path}: stage {place}: a name, or one name with its settings")
        [(name, settings)] = entry.items()
        word = _of_word(str(name))
        label = str((settings or {}).pop("label", "")) if isinstance(settings, dict) else ""
        stages.append(Stage(word.kind, {**word.settings, **(settings or {})}, label))
    return stages


def _of_word(word: str) -> Stage:
    found = WORD.fullmatch(word)
    if found is None:
        raise ConfigError(f"'{word}' is no stage; write a name, name:value or name(setting=value)")
    name, value, bracketed = found[1], found[2], found[3]
    settings: dict[str, Any] = {}
    kind = stage(name)
    if value is not None:
        if not kind.main:
            raise ConfigError(f"'{name}' takes no value behind a colon")
        settings[kind.main] = value.strip()
    for part in _split(bracketed or "", ","):
        key, equals, given = part.partition("=")
        if not equals:
            raise ConfigError(f"'{part}' in '{word}' is no setting; write name=value")
        given = given.strip()
        if len(given) > 1 and given[0] == given[-1] and given[0] in "'\"":
            given = given[1:-1]
        settings[key.strip().replace("-", "_")] = given
    return Stage(name, settings, name)


def _split(text: str, mark: str) -> list[str]:
    """Parts between marks that stand in no bracket and in no quoted value."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(QUOTED.sub(lambda found: "_" * len(found[0]), text)):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if letter == mark and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    parts.append(text[start:].strip())
    if parts == [""]:
        return []
    if "" in parts:
        raise ConfigError(f"'{text}': something is missing beside a '{mark}'")
    return parts


def _unique(label: str, taken: set[str]) -> str:
    number, name = 2, label
    while name in taken:
        name, number = f"{label}-{number}", number + 1
    taken.add(name)
    return name
