"""Learned sparse search with a model that knows nothing: the path, the formula, the caches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from palate.errors import ConfigError
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.results import Query
from palate.search.sparse import MaskedModel, Splade, SpladeConfig


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random masked language model."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    folder = tmp_path_factory.mktemp("mlm")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "wing", "heat", "cat", "dog", "flow"]
    (folder / "vocab.txt").write_text("\n".join([*words, *"abcdefghijklmnopqrstuvwxyz"]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=36, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, initializer_range=0.5,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def test_weights_equal_the_formula(masked):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(masked)
    model = AutoModelForMaskedLM.from_pretrained(masked).eval()
    with torch.no_grad():
        logits = model(**tokenizer("wing flow", return_tensors="pt")).logits[0]
    expected = torch.log1p(logits.relu()).max(0).values
    [terms, short] = MaskedModel(str(masked), 64, "cpu").terms(["wing flow", "cat"], 40)
    assert terms["wing"] == pytest.approx(float(expected[5]), abs=1e-5) or expected[5] <= 0
    for name, weight in terms.items():
        place = tokenizer.convert_tokens_to_ids(name)
        assert weight == pytest.approx(float(expected[place]), abs=1e-5)
    assert not {"[CLS]", "[PAD]", "[SEP]"} & {*terms, *short}


def test_scores_are_products_and_a_change_is_seen(small, masked):
    splade = Splade(SpladeConfig(model=str(masked)), small)
    [found] = splade.retrieve([Query("1", "wing flow")], 10)
    [query] = splade.model.terms(["wing flow"], 64)
    document = small.snapshot().document("wing")
    [terms] = splade.model.terms([f"{document.title}\n{document.text}"], 256)
    expected = sum(weight * terms.get(term, 0.0) for term, weight in query.items())
    scores = {hit.document: hit.score for hit in found}
    assert scores["wing"] == pytest.approx(expected, rel=1e-4)
    small.add([Document("wing", "")])
    small.delete(["dog"])
    [later] = splade.retrieve([Query("1", "wing flow")], 10)
    assert "dog" not in later.documents


def test_terms_lie_beside_the_segment(small, masked):
    config = SpladeConfig(model=str(masked))
    [first] = Splade(config, small).retrieve([Query("1", "cat")], 5)
    again = Splade(config, SearchIndex(small.folder))
    again._weighted = None  # type: ignore[assignment,method-assign]  # must not be computed anew
    [second] = again.retrieve([Query("1", "cat")], 5)
    assert second.documents == first.documents


def test_a_model_of_another_kind_is_refused(small, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(ConfigError, match="masked language model"):
        Splade(SpladeConfig(model=str(tmp_path)), small).retrieve([Query("1", "x")], 1)
