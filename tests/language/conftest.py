"""Language models to test with: the real small one, and tiny random ones of other kinds.

What must hold for every model is tested on all of them: they differ in layers' names, hidden
size, BOS, padding token, chat template, kind of positions and kind of tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Backend
from tokenizers.trainers import BpeTrainer
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    PreTrainedTokenizerFast,
)

from palate.language.backbone import Backbone

CORPUS = [
    "Toy Story (1995)",
    "Heat (1995), a film about a thief and the man who hunts him",
    "The user has seen these films, oldest first: Twelve Monkeys; Babe; Seven",
    "Which one comes next? Answer with a title alone.",
    "Café Society, 'Amélie' and \"M\" are films as well: 100% of them!",
]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings are cached in a folder of the test; models stay where all tests share them."""
    monkeypatch.setattr("palate.language.embeddings.cache_folder", lambda kind: tmp_path)


@pytest.fixture(scope="session")
def gpt2_folder(make_gpt2: Callable[..., Path]) -> Path:
    """A model with learned positions, transposed matrices, no chat template, no padding token."""
    return make_gpt2(CORPUS, 400, n_layer=3, n_positions=512, initializer_range=0.2)


@pytest.fixture(scope="session")
def gemma_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with scaled embeddings, sliding attention, BOS, a SentencePiece-like tokenizer that
    puts a space before each text, and a chat template that knows no system role."""
    folder = tmp_path_factory.mktemp("gemma")
    backend = Backend(models.BPE(unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Sequence(
        [decoders.Metaspace(prepend_scheme="first"), decoders.ByteFallback()]
    )
    control = ["<pad>", "<eos>", "<bos>", "<unk>", "<turn>", "</turn>"]
    trainer = BpeTrainer(
        vocab_size=600,
        special_tokens=[*control, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    # Bytes are in the vocabulary but are no control tokens; </turn> is one by its use alone.
    backend = _with_added(backend, {"<pad>", "<eos>", "<bos>", "<unk>", "<turn>"}, {"</turn>"})
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", backend.token_to_id("<bos>"))]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
        pad_token="<pad>",
    )  # fmt: skip
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "<turn>{{ m.role }}\n{{ m.content | trim }}</turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(2)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=40, intermediate_size=64, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, sliding_window=8,
        layer_types=["sliding_attention", "full_attention"] * 2, pad_token_id=0, eos_token_id=1,
        bos_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    Gemma3ForCausalLM(config).save_pretrained(folder)
    return folder


def _with_added(backend: Backend, special: set[str], plain: set[str]) -> Backend:
    """The same tokenizer with these added tokens alone."""
    import json

    told = json.loads(backend.to_str())
    told["added_tokens"] = []
    backend = Backend.from_str(json.dumps(told))
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in sorted(special)])
    backend.add_tokens([AddedToken(t, normalized=False) for t in sorted(plain)])
    return backend


@pytest.fixture(scope="session")
def smol() -> Backbone:
    """SmolLM2, its first two layers."""
    return Backbone.load("smollm2-135m", layers=2, precision="fp32", device="cpu")


@pytest.fixture(scope="session")
def gpt2(gpt2_folder: Path) -> Backbone:
    return Backbone.load(str(gpt2_folder), precision="fp32", device="cpu")


@pytest.fixture(scope="session")
def gemma(gemma_folder: Path) -> Backbone:
    return Backbone.load(str(gemma_folder), precision="fp32", device="cpu")


@pytest.fixture(params=["smol", "gpt2", "gemma"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    """Each of the models in turn; tests leave it as they found it."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["gpt2", "gemma"])
def tiny(request: pytest.FixtureRequest) -> Backbone:
    """A fresh copy of each tiny model, to be changed at will."""
    folder = request.getfixturevalue(f"{request.param}_folder")
    return Backbone.load(str(folder), precision="fp32", device="cpu")
