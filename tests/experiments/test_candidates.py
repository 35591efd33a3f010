"""A run under the sampled-candidate protocol."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from palate.data.load import DataConfig
from palate.evaluation.candidates import CandidateSets
from palate.evaluation.ranking import rank_targets
from palate.experiments.candidates import judge_candidates
from palate.experiments.run import Run
from palate.experiments.train import train


def test_a_run_that_scores_picks_the_candidate_with_the_best_score(
    ease_run: Run, tmp_path: Path
) -> None:
    run = Run(shutil.copytree(ease_run.folder, tmp_path / "ease"))
    found = judge_candidates(run, 20)
    assert found == json.loads(run.path("candidates.json").read_text())
    split = run.split()
    sets = CandidateSets.load(run.path("candidates.jsonl"), split.test)
    scores = run.recommender().score(split.test.histories)
    best = sets.items[np.arange(len(sets)), sets.scores(scores).argmax(1)]
    assert found["metrics"] == {
        "sampled-candidate hr@1": pytest.approx((best == sets.targets).mean())
    }
    # It flatters: among all items, the target is seldom the first.
    seen = (split.test.histories.items, split.test.histories.offsets)
    full = rank_targets(scores, split.test.targets, seen)
    assert found["metrics"]["sampled-candidate hr@1"] > 5 * (full == 0).mean()
    assert found["by"] == "scores"
    assert len(found["by_position"]) == 20


def test_a_run_that_writes_is_judged_by_its_words(
    own_files: DataConfig, tiny_model: Path, tmp_path: Path
) -> None:
    settings = {
        "model": str(tiny_model), "samples": 0, "max_tokens": 4, "noun": "film", "device": "cpu",
        "curriculum": "text-only", "beams": 2,
    }  # fmt: skip
    run = train("llara", settings, own_files, folder=tmp_path / "llara")
    before = run.results()
    found = judge_candidates(run, 5)
    assert found["by"] == "words"
    names = ("valid_ratio", "hr@1", "hr@1 of valid")
    assert set(found["metrics"]) == {f"sampled-candidate {name}" for name in names}
    assert len(found["answers"]) == 5
    assert run.results() == before
    lists = run.path("candidates.jsonl").read_bytes()
    judge_candidates(run, 5)
    assert run.path("candidates.jsonl").read_bytes() == lists
