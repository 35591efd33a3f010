"""``pretrain`` from files to the folder, and from there into a training."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from safetensors.torch import load_file

from palate.data.load import DataConfig, load
from palate.errors import ConfigError, RunError
from palate.experiments.pretrain import pretrain, resume_pretraining
from palate.experiments.train import train
from palate.recommenders.pretrained import BEGUN, CARD, WEIGHTS

SMALL = {"item_layers": 1, "text_dims": 8, "experts": 2, "width": 16, "length": 8, "device": "cpu"}
FAST = SMALL | {"epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DataConfig]:
    """Three small shops, whose people go from item to item by different steps."""
    folder = tmp_path_factory.mktemp("shops")
    draw = np.random.default_rng(0)
    for shop, items, step in (("books", 12, 1), ("films", 9, 2), ("games", 11, 1)):
        rows = [
            f"u{user},{shop}-{(start + step * k) % items},{k}\n"
            for user in range(30)
            for start in [draw.integers(items)]
            for k in range(6)
        ]
        (folder / f"{shop}.csv").write_text("user,item,time\n" + "".join(rows))
    return {
        shop: DataConfig(data=str(folder / f"{shop}.csv")) for shop in ("books", "films", "games")
    }


@pytest.fixture(scope="module")
def two(domains: dict[str, DataConfig]) -> dict[str, DataConfig]:
    return {shop: domains[shop] for shop in ("books", "films")}


@pytest.fixture(scope="module")
def folder(two: dict[str, DataConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pre") / "two"
    pretrain("unisrec", FAST, two, folder, seed=3, command="palate pretrain unisrec")
    return folder


def test_the_card_says_where_it_came_from(folder: Path, two: dict[str, DataConfig]) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [CARD, WEIGHTS]
    card = json.loads((folder / CARD).read_text())
    assert card["method"] == "unisrec"
    assert card["settings"]["width"] == 16
    assert card["seed"] == 3
    assert card["environment"]["command"] == "palate pretrain unisrec"
    assert {"palate", "commit", "packages"} <= set(card["environment"])
    assert {d: about["items"] for d, about in card["domains"].items()} == {"books": 12, "films": 9}
    assert card["fingerprints"] == {d: load(data).fingerprint for d, data in two.items()}
    assert [row["epoch"] for row in card["history"]] == [1, 2]


def test_a_training_starts_from_it(
    folder: Path, domains: dict[str, DataConfig], tmp_path: Path
) -> None:
    settings = SMALL | {"epochs": 1, "pretrained": str(folder)}
    run = train("unisrec", settings, domains["games"], folder=tmp_path / "run")
    assert 0 <= run.metrics()["ndcg@10"] <= 1
    state, start = load_file(run.path("model.safetensors")), load_file(folder / WEIGHTS)
    assert np.array_equal(state["positions.weight"], start["positions.weight"])


def test_what_was_interrupted_goes_on_to_the_same_end(
    folder: Path, two: dict[str, DataConfig], tmp_path: Path
) -> None:
    place = tmp_path / "half"
    with pytest.raises(KeyboardInterrupt):
        _until_the_first_checkpoint(two, place)
    assert (place / BEGUN).exists()
    with pytest.raises(RunError, match=f"palate pretrain --resume {place}"):
        pretrain("unisrec", FAST, two, place, seed=3)
    with pytest.raises(RunError, match="has other settings and seed"):
        pretrain("unisrec", FAST | {"epochs": 3}, two, place, seed=4, resume=True)
    card = resume_pretraining(place)
    whole, resumed = load_file(folder / WEIGHTS), load_file(place / WEIGHTS)
    assert card["history"] == json.loads((folder / CARD).read_text())["history"]
    assert all(np.array_equal(resumed[name], value) for name, value in whole.items())
    assert sorted(path.name for path in place.iterdir()) == [CARD, WEIGHTS]
    assert resume_pretraining(place) == json.loads((place / CARD).read_text())  # finished: opened


def _until_the_first_checkpoint(two: dict[str, DataConfig], place: Path) -> None:
    """What Ctrl-C does when the first epoch has been kept."""

    def watch(frame: FrameType, event: str, _: object) -> None:
        begins = event == "call" and frame.f_code.co_name == "training_step"
        if begins and list((place / "checkpoints").glob("checkpoint-*[0-9]")):
            raise KeyboardInterrupt

    sys.setprofile(watch)
    try:
        pretrain("unisrec", FAST, two, place, seed=3)
    finally:
        sys.setprofile(None)


def test_it_is_never_written_over(folder: Path, two: dict[str, DataConfig]) -> None:
    with pytest.raises(RunError, match="holds a pre-trained model"):
        pretrain("unisrec", FAST, two, folder)


def test_methods_that_cannot_say_who_can(two: dict[str, DataConfig], tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="sasrec cannot be pre-trained; unisrec and recformer can"
    ):
        pretrain("sasrec", {}, two, tmp_path / "none")
    with pytest.raises(RunError, match="no pre-training began here"):
        resume_pretraining(tmp_path)
