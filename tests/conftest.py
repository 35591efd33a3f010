"""Data that tests share: folders of real files, and MovieLens 100K."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

from palate.data.cases import Split
from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.splits import make_split

ROOT = Path(__file__).parent.parent

# ranx, the oracle of metrics, would compile for minutes; run as Python it is the same arithmetic.
# Numba reads this when it is first imported, by whichever test comes first.
os.environ["NUMBA_DISABLE_JIT"] = "1"

# Laws are checked by what they say, not by how fast a busy machine draws examples.
settings.register_profile(
    "palate", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("palate")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that are not part of the repository."""
    folder = Path(os.environ.get("PALATE_SHARED_DATA") or ROOT / "../shared/data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set PALATE_SHARED_DATA to test on its data sets")
    return folder


@pytest.fixture(scope="session")
def ml100k() -> Dataset:
    """MovieLens 100K, every rating an event."""
    return load(DataConfig(data="ml-100k"))


@pytest.fixture(scope="session")
def ml100k_split(ml100k: Dataset) -> Split:
    """MovieLens 100K, leave-one-out."""
    return make_split(ml100k, "leave-one-out")


@pytest.fixture(scope="session")
def make_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes folders with a small random model of GPT-2's kind: learned positions, transposed
    matrices, no chat template, no padding token."""

    def make(texts: list[str], vocabulary: int, **more: Any) -> Path:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

        folder = tmp_path_factory.mktemp("gpt2")
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        end = "<|endoftext|>"
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[end],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end)
        tokenizer.save_pretrained(folder)
        torch.manual_seed(1)
        settings = {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 1024} | more
        config = GPT2Config(
            vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=0, resid_pdrop=0,
            embd_pdrop=0, attn_pdrop=0, **settings,
        )  # fmt: skip
        GPT2LMHeadModel(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_model(make_gpt2: Callable[..., Path]) -> Path:
    """A folder with a language model that knows nothing."""
    return make_gpt2(
        ["one person's past, in the model's own code: the item that someone chose, oldest first"],
        300,
    )
