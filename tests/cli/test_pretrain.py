"""``palate pretrain`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.cli.pretrain import OWN_OPTIONS
from palate.recommenders import registry

CAN = ["unisrec", "recformer"]
SMALL = ["--item-layers", "1", "--text-dims", "8", "--width", "16", "--epochs", "1"]


@pytest.mark.parametrize("method", CAN)
def test_help_lists_the_settings_of_the_pretraining(method: str, palate) -> None:
    answer = palate("pretrain", method, "--help")
    assert answer.code == 0
    for name, field in registry.pretraining(method).model_fields.items():
        assert field.description
        assert f"--{name.replace('_', '-')}" in answer.out
    assert "--pretrained" not in answer.out
    assert not {n.replace("_", "-") for n in registry.pretraining(method).model_fields} & set(
        OWN_OPTIONS
    )


def test_pretrain_then_train(palate, tmp_path: Path) -> None:
    for shop in ("books", "films"):
        rows = [f"u{u},{shop}{(u + k) % 9},{k}\n" for u in range(20) for k in range(5)]
        (tmp_path / f"{shop}.csv").write_text("user,item,time\n" + "".join(rows))
    words = ["pretrain", "unisrec", "--data", "books.csv", "--data", "films.csv", *SMALL]
    answer = palate(*words, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["folder"] == "runs/unisrec-pretrained"
    assert told["method"] == "unisrec"
    trained = palate(
        *("train", "unisrec", "--data", "films.csv", *SMALL, "--pretrained", told["folder"])
    )
    assert trained.code == 0, trained.err
    refused = palate(
        *("train", "unisrec", "--data", "films.csv", "--pretrained", told["folder"]),
        *("--item-layers", "1", "--text-dims", "8"),
    )
    assert refused.code == 2
    assert "width=16 there and 64 here; add --width 16" in refused.err
    again = palate("pretrain", "--resume", told["folder"])
    assert again.code == 0
    assert "books" in again.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pretrain"], "which method?"),
        (["pretrain", "unisrec"], "no data: name each domain"),
        (["pretrain", "ease", "--data", "ml-100k"], "ease cannot be pre-trained; unisrec and"),
        (["pretrain", "unisrec", "--data", "a/x.csv", "--data", "b/x.csv"], "called 'x' already"),
        (["pretrain", "unisrec", "--data", "nowhere"], "nowhere"),
        (["pretrain", "unisrec", "--data", "ml-100k", "--dropp", "1"], "did you mean --drop"),
        (["pretrain", "unisrec", "--resume", "nowhere"], "--resume FOLDER takes nothing else"),
        (["pretrain", "--resume", "nowhere"], "no pre-training began here"),
    ],
)
def test_slips_at_the_keyboard(words: list[str], says: str, palate) -> None:
    answer = palate(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert says in answer.err
    assert len(answer.err.strip().splitlines()) == 1
