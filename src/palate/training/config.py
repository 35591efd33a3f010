"""Settings of gradient training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from palate.config import Config


class TrainingConfig(Config):
    """Settings of gradient training, shared by every model that has it."""

    epochs: int = Field(200, ge=1)
    """Passes over the training sequences at most; early stopping usually ends sooner."""
    patience: int = Field(10, ge=1)
    """Evaluations without a better validation metric before training stops."""
    evaluate_every: int = Field(1, ge=1)
    """Epochs between two evaluations on the validation cases."""
    batch_size: int = Field(128, ge=1)
    """Sequences per optimizer step and process, before gradient accumulation."""
    accumulate: int = Field(1, ge=1)
    """Batches whose gradients are summed before one optimizer step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate of AdamW."""
    weight_decay: float = Field(1e-2, ge=0)
    """Weight decay of AdamW; biases, norms and embeddings' padding are not decayed."""
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = "constant_with_warmup"
    """Shape of the learning rate over the steps."""
    warmup: float = Field(0.0, ge=0, lt=1)
    """Share of all steps over which the learning rate rises from zero."""
    averaging: float = Field(0.0, ge=0, lt=1)
    """Decay per step of a moving average of the weights, which is what is evaluated and kept;
    0 keeps the weights themselves."""
    clip: float = Field(1.0, gt=0)
    """Largest gradient norm."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32"
    """Mixed precision; auto is bf16 where the hardware has it, else fp32."""
