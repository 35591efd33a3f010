"""Vectors of texts from a language model's hidden states, kept in the user's cache.

A cache entry is keyed by all that decides it: weights, active adapter, tokenizer and precision
(:meth:`.Backbone.fingerprint`), the layer, the pooling, and the tokens themselves, which stand
for texts, template and cut.

Legend: n texts, b batch, l length, h hidden size.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from rich.progress import Progress
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from palate.data.sources.cache import cache_folder
from palate.errors import ConfigError
from palate.language.backbone import Backbone
from palate.language.collate import Encoded, collate, encode
from palate.language.prompts import Prompt

Pooling = Literal["mean", "last"]


def embed(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    pooling: Pooling = "mean",
    layer: int | None = None,
    template: str = "{text}",
    max_tokens: int | None = None,
    batch_tokens: int = 4096,
    cache: bool = True,
    progress: bool = False,
) -> torch.Tensor:
    """[n, h] float32: one vector per text, on the CPU.

    Args:
        pooling: ``mean`` over the text's tokens (template and text; BOS and padding left out),
            or the ``last`` token's state.
        layer: read the states after this many layers (with the final norm), as if the model had
            been loaded with no more; None is all.
        template: what is put around each text; ``{text}`` stands for it.
        max_tokens: cut each text to so many tokens, the template apart.
        batch_tokens: padded tokens per batch; bounds memory.
        cache: keep the result in the user's cache, and take it from there.
        progress: show a progress bar.
    """
    encoded = _tokens(backbone, texts, template, max_tokens)
    return embed_encoded(
        backbone,
        encoded,
        pooling=pooling,
        layer=layer,
        batch_tokens=batch_tokens,
        cache=cache,
        progress=progress,
    )


def embed_encoded(
    backbone: Backbone,
    encoded: Sequence[Encoded],
    *,
    pooling: Pooling = "mean",
    layer: int | None = None,
    batch_tokens: int = 4096,
    cache: bool = True,
    progress: bool = False,
) -> torch.Tensor:
    """[n, h] float32: one vector per prompt in tokens, without dropout; as of :func:`embed`."""
    if pooling not in ("mean", "last"):
        raise ConfigError(f"pooling '{pooling}' is neither mean nor last")
    if not encoded:
        return torch.empty(0, backbone.hidden_size)
    path = None
    if cache:
        path = cache_folder("embeddings") / f"{_key(backbone, encoded, pooling, layer)}.safetensors"
        kept = _read(path, (len(encoded), backbone.hidden_size))
        if kept is not None:
            return kept
    vectors = _compute(backbone, encoded, pooling, layer, batch_tokens, progress)
    if path is not None:
        _write(path, vectors)
    return vectors


def _tokens(
    backbone: Backbone, texts: Sequence[str], template: str, max_tokens: int | None
) -> list[Encoded]:
    if template.count("{text}") != 1:
        raise ConfigError(f"template '{template}' needs {{text}} once")
    before, after = template.split("{text}")
    if max_tokens is not None:
        texts = [backbone.tokenizer.clip(text, max_tokens) for text in texts]
    return encode([Prompt.of(before, text, after) for text in texts], backbone.tokenizer)


def _compute(
    backbone: Backbone,
    encoded: Sequence[Encoded],
    pooling: Pooling,
    layer: int | None,
    batch_tokens: int,
    progress: bool,
) -> torch.Tensor:
    distinct: dict[tuple[int, ...], int] = {}
    row = torch.tensor([distinct.setdefault(tuple(e.ids), len(distinct)) for e in encoded])
    several = [Encoded(list(ids), len(ids)) for ids in distinct]
    vectors = torch.empty(len(several), backbone.hidden_size)
    training = backbone.training
    backbone.eval()
    bar = Progress(console=Console(stderr=True), transient=True, disable=not progress)
    try:
        with bar, torch.no_grad(), backbone.first_layers(layer):
            task = bar.add_task("embedding texts", total=sum(len(e.ids) for e in several))
            for which in batches([len(e.ids) for e in several], batch_tokens):
                part = [several[i] for i in which]
                vectors[which] = _pool(backbone, part, pooling)
                bar.advance(task, sum(len(e.ids) for e in part))
    finally:
        backbone.train(training)
    return vectors[row]


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Positions in batches of like length, longest first, each within *batch_tokens* padded.

    A text longer than that is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _pool(backbone: Backbone, part: Sequence[Encoded], pooling: Pooling) -> torch.Tensor:
    batch = {k: v.to(backbone.device) for k, v in collate(part, backbone.tokenizer.pad_id).items()}
    mask = batch["attention_mask"]  # [b, l] padded on the left
    states = backbone.hidden(
        backbone.embed_tokens(batch["input_ids"]), mask, batch["position_ids"]
    ).float()  # [b, l, h]
    if pooling == "last":
        return states[:, -1].cpu()
    if backbone.tokenizer.bos_id is not None:
        # The state of BOS says nothing of the text and outweighs it; a text without tokens
        # has only that.
        mask = mask * ((batch["position_ids"] > 0) | (mask.sum(1, keepdim=True) == 1))
    weights = mask.unsqueeze(-1).float()
    states = states.masked_fill(weights == 0, 0)  # padding may hold anything
    return (states.sum(1) / weights.sum(1)).cpu()


def _key(
    backbone: Backbone, encoded: Sequence[Encoded], pooling: Pooling, layer: int | None
) -> str:
    told = f"1 {backbone.fingerprint()} {pooling} {layer or backbone.layers}"
    digest = hashlib.sha256(told.encode())
    for one in encoded:
        digest.update(f"{len(one.ids)}:{one.ids}".encode())
    return digest.hexdigest()


def _checksum(vectors: torch.Tensor) -> str:
    return hashlib.sha256(vectors.contiguous().numpy().data).hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    """The entry, or None if there is none or it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            vectors = file.get_tensor("vectors")
            right = (file.metadata() or {}).get("sha256") == _checksum(vectors)
    except (OSError, SafetensorError):
        return None
    return vectors if right and vectors.shape == shape else None


def _write(path: Path, vectors: torch.Tensor) -> None:
    """All or nothing, so that a process that reads meanwhile sees a whole entry or none."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".staged-")
    os.close(handle)
    try:
        save_file({"vectors": vectors.contiguous()}, name, {"sha256": _checksum(vectors)})
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
