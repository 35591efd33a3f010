"""Methods that read prompts go all the way: trained, judged beside their controls, reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.data.load import DataConfig
from palate.experiments.recommend import recommend
from palate.experiments.train import train

ALS = {"factors": 8, "iterations": 2}
TINY = {"samples": 8, "epochs": 1, "validation_users": 2, "noun": "film", "device": "cpu"}
METHODS = {
    "bigrec": {"max_tokens": 3, "beams": 1, "adapter": {"targets": "all-linear"}},
    "llara": {"beams": 2, "cf": "als", "cf_settings": ALS},
    "ilm": {"beams": 2, "cf": ALS, "aligning": {"epochs": 1}, "qformer": {"width": 16}},
}


@pytest.mark.parametrize("method", METHODS)
def test_a_run_of_a_method_that_reads_prompts(
    method: str, own_files: DataConfig, tiny_model: Path, tmp_path: Path
) -> None:
    settings = TINY | METHODS[method] | {"model": str(tiny_model)}
    few = own_files.model_copy(update={"test_users": 4})
    run = train(method, settings, few, folder=tmp_path / method)
    assert run.finished
    assert run.results()["cases"] == 4
    assert run.results()["controls"]
    assert run.cost()["flops_per_request"] > 0
    assert run.path("report.html").is_file()
    assert len(recommend(run, user="7", k=3)) == 3
