"""Vectors of texts from an encoder: BERT and its kind, or the states of a causal model.

Legend: n texts, b batch, l length, h size of a vector.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch

from palate.errors import ConfigError
from palate.language.embeddings import batches
from palate.language.precision import choose_device
from palate.language.quiet import quiet
from palate.language.weights import KNOWN, resolve

Vectors = npt.NDArray[np.float32]
Pooling = Literal["auto", "mean", "cls", "last"]


class Encoder(Protocol):
    """Turns texts into vectors of length 1.

    Attributes:
        fingerprint: of all that decides a text's vector.
        size: of a vector.
    """

    fingerprint: str
    size: int

    def encode(
        self, texts: Sequence[str], told: Callable[[int], None] | None = None
    ) -> Vectors:
        """[n, h] float32; *told* is called with how many texts were done since the last call."""
        ...


class TransformerEncoder:
    """An encoder that transformers' ``AutoModel`` knows; vectors are pooled and normalised.

    Attributes:
        name: what it was loaded from.
    """

    def __init__(
        self, model: Any, tokenizer: Any, name: str, pooling: str, max_tokens: int, batch: int
    ) -> None:
        self.name = name
        self._model = model
        self._tokenizer = tokenizer
        self._pooling = pooling
        self._max_tokens = max_tokens
        self._batch = batch
        self._lock = threading.Lock()  # tokenizers are not made for several threads
        self.size = int(model.config.hidden_size)
        self.fingerprint = self._fingerprint()

    @classmethod
    def load(
        cls,
        model: str,
        *,
        pooling: Pooling = "auto",
        max_tokens: int | None = None,
        device: str = "auto",
        batch_tokens: int = 8192,
    ) -> Self:
        """The model with its weights, in float32.

        Args:
            model: a known name, folder or hub id; see :func:`.weights.resolve`.
            pooling: ``mean`` over the tokens, the state of the first (``cls``) or of the
                ``last``; ``auto`` is what the model's own ``1_Pooling/config.json`` says, and
                mean where it has none.
            max_tokens: texts are cut to so many; by default as many as the model takes, and at
                most 512.
            batch_tokens: padded tokens per batch; bounds memory.

        Raises:
            ConfigError: no such model.
            SourceError: the weights could not be fetched.
        """
        from transformers import AutoModel, AutoTokenizer

        place = resolve(model)
        try:
            with quiet():
                tokenizer = AutoTokenizer.from_pretrained(place)
                loaded = AutoModel.from_pretrained(place, dtype=torch.float32)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"model '{model}' cannot be loaded: {str(error).splitlines()[0]}"
            ) from None
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        chosen = _pooling_of(place) if pooling == "auto" else pooling
        limit = int(getattr(loaded.config, "max_position_embeddings", 512) or 512)
        most = min(max_tokens or 512, limit, tokenizer.model_max_length)
        loaded = loaded.to(choose_device(device)).eval()
        return cls(loaded, tokenizer, model, chosen, most, batch_tokens)

    def encode(
        self, texts: Sequence[str], told: Callable[[int], None] | None = None
    ) -> Vectors:
        """[n, h] float32: one vector of length 1 per text."""
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        if not texts:
            return vectors
        with self._lock:
            ids = self._tokenizer(
                list(texts), truncation=True, max_length=self._max_tokens, padding=False
            )["input_ids"]
            for which in batches([len(one) for one in ids], self._batch):
                vectors[which] = self._encode([ids[i] for i in which])
                if told is not None:
                    told(len(which))
        return vectors

    def _encode(self, ids: Sequence[Sequence[int]]) -> Vectors:
        longest = max(1, *(len(one) for one in ids)) if len(ids) > 1 else max(1, len(ids[0]))
        pad = self._tokenizer.pad_token_id or 0
        tokens = torch.full((len(ids), longest), pad, dtype=torch.long)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = torch.tensor(one, dtype=torch.long)
            mask[row, : len(one)] = 1
        device = self._model.device
        with torch.inference_mode():
            states = self._model(
                input_ids=tokens.to(device), attention_mask=mask.to(device)
            ).last_hidden_state.cpu()  # [b, l, h]
        if self._pooling == "cls":
            pooled = states[:, 0]
        elif self._pooling == "last":
            pooled = states[torch.arange(len(ids)), (mask.sum(1) - 1).clamp(min=0)]
        else:
            weights = mask.unsqueeze(-1).float()
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=-1).numpy()

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"1 {self._pooling} {self._max_tokens}".encode())
        config = self._model.config.to_diff_dict()
        for label in ("_name_or_path", "transformers_version", "dtype"):
            config.pop(label, None)
        digest.update(json.dumps(config, sort_keys=True, default=str).encode())
        digest.update(self._tokenizer.backend_tokenizer.to_str().encode())
        for name, value in self._model.state_dict().items():
            digest.update(f"{name}{tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


class BackboneEncoder:
    """The mean or last hidden state of a causal language model."""

    def __init__(self, model: str, pooling: Pooling, max_tokens: int | None, device: str) -> None:
        from palate.language.backbone import Backbone

        self.name = model
        self._backbone = Backbone.load(model, precision="fp32", device=device)
        self._pooling: Literal["mean", "last"] = "last" if pooling == "last" else "mean"
        self._max_tokens = max_tokens or 512
        self._lock = threading.Lock()
        self.size = self._backbone.hidden_size
        told = f"{self._backbone.fingerprint()} {self._pooling} {self._max_tokens}"
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()

    def encode(
        self, texts: Sequence[str], told: Callable[[int], None] | None = None
    ) -> Vectors:
        """[n, h] float32: one vector of length 1 per text."""
        from palate.language.embeddings import embed

        with self._lock:
            vectors = embed(
                self._backbone, texts, pooling=self._pooling, max_tokens=self._max_tokens,
                cache=False,
            )  # fmt: skip
        if told is not None:
            told(len(texts))
        return torch.nn.functional.normalize(vectors, dim=-1).numpy()


def load_encoder(
    model: str,
    *,
    pooling: Pooling = "auto",
    max_tokens: int | None = None,
    device: str = "auto",
) -> Encoder:
    """The encoder for a model of either kind; arguments as for :meth:`TransformerEncoder.load`.

    Raises:
        ConfigError: no such model.
        SourceError: the weights could not be fetched.
    """
    if model in KNOWN or model.endswith(".gguf") or _is_causal(model):
        return BackboneEncoder(model, pooling, max_tokens, device)
    return TransformerEncoder.load(
        model, pooling=pooling, max_tokens=max_tokens, device=device
    )


def _is_causal(model: str) -> bool:
    path = Path(model).expanduser() / "config.json"
    if not path.is_file():
        return False
    architectures = json.loads(path.read_text("utf-8")).get("architectures") or [""]
    return str(architectures[0]).endswith(("CausalLM", "LMHeadModel"))


def _pooling_of(place: str) -> str:
    path = Path(place) / "1_Pooling" / "config.json"
    if path.is_file():
        told = json.loads(path.read_text("utf-8"))
    elif Path(place).is_dir():
        return "mean"
    else:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        try:
            told = json.loads(Path(hf_hub_download(place, "1_Pooling/config.json")).read_text())
        except (EntryNotFoundError, HfHubHTTPError, OSError):
            return "mean"
    if told.get("pooling_mode_cls_token"):
        return "cls"
    return "last" if told.get("pooling_mode_lasttoken") else "mean"
