"""A search engine for a language model, as folders: curated documents, mined instructions, an
aligned adapter."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from palate.errors import ConfigError, DataError, RunError
from palate.evaluation.significance import bootstrap_interval
from palate.experiments import wording
from palate.experiments.atomic import replacing_files, write_json, write_parquet, write_text
from palate.experiments.environment import environment
from palate.experiments.report import template
from palate.language.backbone import Backbone
from palate.language.local_chat import LocalChat
from palate.search.alignment import tuning
from palate.search.alignment.groups import Group, groups
from palate.search.alignment.judging import knowledge
from palate.search.alignment.safety import HarmFilter
from palate.search.alignment.tuning import AlignmentConfig, accuracy, align, log_probs
from palate.search.answers.words import Words
from palate.search.corpus.curate import CurateConfig, Curated, Score, curate
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.logs.log import read_log
from palate.search.logs.mining import Mined, MiningConfig, mine
from palate.search.results import Query
from palate.search.stages import pipeline
from palate.training.context import FitContext

SALT = "PALATE_SALT"  # of the environment: secret of the hashes of users
Told = Callable[[str], None]


def curate_to(
    documents: Iterable[Document],
    folder: Path,
    config: CurateConfig,
    *,
    tests: Mapping[str, Sequence[str]],
    quality: Score | None = None,
    spam: Score | None = None,
    shard: int = 50_000,
    told: Told | None = None,
) -> Curated:
    """Curate, and write what is kept: JSON lines in shards, Parquet, the funnel and a report.

    Raises:
        RunError: the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder}: the folder is not empty; choose another one")
    started = time.perf_counter()
    found = curate(documents, config, tests=tests, quality=quality, spam=spam, told=told)
    about = {**environment(), "seconds": time.perf_counter() - started}
    with replacing_files(folder) as staged:
        for number, start in enumerate(range(0, len(found.documents), shard)):
            rows = map(_row, found.documents[start : start + shard])
            text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
            write_text(staged / f"documents-{number:05d}.jsonl", text)
        write_parquet(staged / "documents.parquet", _frame(found.documents))
        write_json(staged / "dropped.json", dict(found.dropped))
        write_json(
            staged / "funnel.json",
            {
                "config": config.model_dump(mode="json"),
                "funnel": [asdict(step) for step in found.funnel],
                "domains": {name: list(counts) for name, counts in found.domains.items()},
                "tests": {name: len(texts) for name, texts in tests.items()},
                "environment": about,
            },
        )
        page = template("curation.html.jinja").render(_context(found, config, about))
        write_text(staged / "report.html", page)
    return found


def _row(document: Document) -> dict[str, Any]:
    return {
        "id": document.id, "title": document.title, "text": document.text,
        **({} if document.time is None else {"time": document.time}), **document.fields,
    }  # fmt: skip


def _frame(documents: Sequence[Document]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {
        "id": [d.id for d in documents],
        "title": [d.title for d in documents],
        "text": [d.text for d in documents],
        "time": [d.time for d in documents],
        "language": [d.fields.get("language") for d in documents],
        "domain": [d.fields.get("domain") for d in documents],
        "quality": [d.fields.get("quality") for d in documents],
        "weight": [d.fields.get("weight") for d in documents],
    }
    types = {"time": pl.Float64, "quality": pl.Float64, "weight": pl.Float64}
    return pl.DataFrame(columns, schema={k: types.get(k, pl.String) for k in columns})


def _context(found: Curated, config: CurateConfig, about: Mapping[str, Any]) -> dict[str, Any]:
    first, last = found.funnel[0], found.funnel[-1]
    share = last.after / first.after if first.after else 0.0
    return {
        "version": about["palate"],
        "started": about["started"].replace("T", " ").removesuffix("+00:00") + " UTC",
        "finding": f"{last.after:,} of {first.after:,} documents are kept ({share:.1%}), "
        f"{last.words:,} of {first.words:,} words.",
        "seconds": wording.seconds(about["seconds"]),
        "steps": [
            {
                "name": step.name,
                "before": f"{step.before:,}",
                "dropped": f"{step.before - step.after:,}",
                "after": f"{step.after:,}",
                "words": f"{step.words:,}",
                "share": 100 * step.after / max(1, first.after),
                "reasons": ", ".join(f"{n:,} {why}" for why, n in list(step.reasons.items())[:8]),
            }
            for step in found.funnel
        ],
        "domains": [
            {
                "name": name or "(none known)",
                "before": f"{before:,}",
                "after": f"{after:,}",
                "shares": f"{before / max(1, first.after):.1%} → {after / max(1, last.after):.1%}",
            }
            for name, (before, after) in list(found.domains.items())[:30]
        ],
        "config": config.model_dump_json(indent=2),
        "command": about.get("command", ""),
    }


def mine_to(
    log: Path, index: SearchIndex | None, out: Path, config: MiningConfig, line: str = "bm25"
) -> Mined:
    """Mine a log, and write the records as JSON lines.

    The secret of the users' hashes is ``PALATE_SALT`` of the environment, or a random one.
    """
    salt = os.environ.get(SALT, "").encode() or None
    entries = list(read_log(log))
    if index is None:
        found = mine(entries, config=config, salt=salt)
    else:
        with index.reading() as snapshot:
            found = mine(entries, snapshot, pipeline(index, line), config, salt=salt)
    rows = (json.dumps(row, ensure_ascii=False) + "\n" for row in found.records())
    write_text(out, "".join(rows))
    return found


@dataclass(frozen=True)
class Aligned:
    """What aligning a model came to.

    Attributes:
        before, after: share of held-out pairs in which the better answer is the likelier one, per
            token, with its 95 % interval over questions.
        reward: share in which its likelihood grew more.
        knowledge: share of the frozen probe that is right, before and after.
    """

    groups: int
    held: int
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    reward: float
    knowledge: tuple[float, float]
    epochs: float
    seconds: float
    stopped: int = 0
    notes: list[str] = field(default_factory=list)


def align_to(
    index: SearchIndex,
    queries: Sequence[Query],
    qrels: Mapping[str, Mapping[str, int]],
    folder: Path,
    config: AlignmentConfig,
    *,
    model: str = "smollm2-135m",
    line: str = "bm25",
    harm: HarmFilter | None = None,
    share_held: float = 0.25,
    seed: int = 0,
    progress: bool = False,
) -> Aligned:
    """Learn from graded results, and write the adapter with what it came to.

    Args:
        line: pipeline that finds hard negatives.
        harm: answers that it stops are not learned from.
        share_held: of the questions, by which training stops and which are reported.

    Raises:
        DataError: there are too few questions with answers of different grades.
    """
    started = time.perf_counter()
    stopped: set[str] = set()

    def allowed(text: str) -> bool:
        fine = harm is None or harm.allowed(text)
        if not fine:
            stopped.add(text)
        return fine

    with index.reading() as snapshot:
        words = Words.of(index, snapshot)
        made = groups(
            queries, qrels, snapshot, words, pipeline(index, line), allowed=allowed, seed=seed
        )
    order = np.random.default_rng(seed).permutation(len(made))
    count = round(share_held * len(made))
    held, learned_from = [made[i] for i in order[:count]], [made[i] for i in order[count:]]
    if not held or not learned_from:
        raise DataError(
            f"only {len(made)} questions have answers of different grades; more judgements are "
            "needed to learn and to hold out"
        )
    backbone = Backbone.load(model)
    chat = LocalChat(backbone)
    old, knew = log_probs(backbone, held), knowledge(chat)
    context = FitContext(seed=seed, progress=progress)
    learned = align(backbone, learned_from, config, held=held, context=context)
    new, knows = log_probs(backbone, held), knowledge(LocalChat(backbone))
    backbone.adapters.save(tuning.ADAPTER, folder)
    gains = [a - b for (a, _), (b, _) in zip(new, old, strict=True)]
    notes = []
    if knew.mean() - knows.mean() > 0.01:
        notes.append(f"knowledge fell from {knew.mean():.2f} to {knows.mean():.2f}: lower beta")
    found = Aligned(
        len(learned_from), len(held), _accuracy(held, old), _accuracy(held, new),
        float(accuracy(held, gains).mean()), (float(knew.mean()), float(knows.mean())),
        learned.epochs, time.perf_counter() - started, len(stopped), notes,
    )  # fmt: skip
    told = {"model": model, "config": config.model_dump(mode="json"), "seed": seed}
    write_json(folder / "alignment.json", {**told, **asdict(found), "environment": environment()})
    return found


def aligned_model(folder: Path) -> LocalChat:
    """The model that an aligned adapter belongs to, with it.

    Raises:
        RunError: there is none in the folder.
    """
    record = folder / "alignment.json"
    if not record.is_file():
        raise RunError(f"{folder}: no aligned adapter here; make one with: palate search align")
    model = json.loads(record.read_text("utf-8")).get("model")
    if not isinstance(model, str):
        raise ConfigError(f"{record}: it does not say which model the adapter is of")
    backbone = Backbone.load(model)
    backbone.adapters.load(tuning.ADAPTER, folder)
    return LocalChat(backbone)


def _accuracy(
    held: Sequence[Group], scores: Sequence[tuple[Any, Any]]
) -> tuple[float, float, float]:
    values = accuracy(held, [total / lengths for total, lengths in scores])
    return float(values.mean()), *bootstrap_interval(values)
