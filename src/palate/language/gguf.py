"""GGUF files, dequantised to a folder of safetensors that transformers loads quickly."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from palate.errors import SourceError
from palate.language.quiet import quiet

CONVERSION = 1
"""Part of the cache key; raise it when a conversion comes out differently."""

DIGITS_APART = frozenset({"smollm", "starcoder", "refact", "command-r"})
"""Values of ``tokenizer.ggml.pre`` whose tokenizers cut before and after each digit.

transformers reads them with the plain GPT-2 rule, which gives other tokens than the model was
trained on wherever white space meets a digit.
"""


def convert(gguf: Path, folder: Path) -> None:
    """Dequantise *gguf* to float32 safetensors in *folder*, all or nothing.

    Raises:
        SourceError: the file is damaged, or of an architecture that transformers cannot read.
    """
    import torch
    from rich.console import Console
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, name = str(gguf.parent), gguf.name
    with quiet(), Console(stderr=True).status(f"dequantising {name}, once"):
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
            model = AutoModelForCausalLM.from_pretrained(
                source, gguf_file=name, dtype=torch.float32
            )
        except Exception as error:  # the readers of parts of the file raise whatever they meet
            raise SourceError(
                f"{gguf}: cannot be read as a GGUF language model: {error}"
            ) from error
        _restore_digit_rule(tokenizer, gguf)
        # The weights are plain floats by now, but save_pretrained refuses a model that is still
        # marked as quantised.
        model.hf_quantizer = None
        model.is_quantized = False
        del model.config.quantization_config
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".staged-"))
        try:
            model.save_pretrained(staged)
            tokenizer.save_pretrained(staged)
            staged.chmod(0o755)
            os.replace(staged, folder)
        except OSError:
            if not (folder / "config.json").exists():  # unless another process was quicker
                raise
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _restore_digit_rule(tokenizer: Any, gguf: Path) -> None:
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers

    kind = GGUFReader(gguf).get_field("tokenizer.ggml.pre")
    if kind is not None and kind.contents() in DIGITS_APART:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
