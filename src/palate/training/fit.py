"""One fit() for every model with gradients, over ``transformers.Trainer``.

Early stopping on full-ranking validation NDCG@10, best checkpoint restored, resumable, and the
same metric whether one process ranks all users or several rank a share each.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate.utils import gather_object
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from palate.data.cases import Cases, Histories
from palate.evaluation.ranking import ndcg, rank_targets
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.progress import EpochProgress

METRIC = "eval_ndcg@10"


class Trainable(Protocol):
    """A torch module whose forward takes a collated batch and returns ``{"loss": scalar}``."""

    def __call__(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]: ...


@dataclass(frozen=True)
class Validation:
    """How a model in training is judged.

    Attributes:
        cases: the validation cases of the split; their histories are masked when ranking.
        score: ``histories -> [users, items]``, with the module in evaluation mode.
        batch_size: users scored at a time.
    """

    cases: Cases
    score: Callable[[Histories], np.ndarray]
    batch_size: int = 256

    def ranks(self, which: np.ndarray) -> np.ndarray:
        """[len(which)] rank of each case's target, 0 is best."""
        found = []
        for start in range(0, len(which), self.batch_size):
            part = self.cases.take(which[start : start + self.batch_size])
            seen = (part.histories.items, part.histories.offsets)
            found.append(rank_targets(self.score(part.histories), part.targets, seen))
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Learned:
    """What came of a training.

    Attributes:
        best: best validation NDCG@10, or None without validation cases.
        epochs: epochs run until the stop.
        history: one row per evaluation: ``epoch``, ``loss``, ``ndcg@10``.
    """

    best: float | None
    epochs: float
    history: list[dict[str, float]]


class _RankingTrainer(Trainer):
    """A Trainer that evaluates by ranking and keeps only what it trains in its checkpoints."""

    validation: Validation | None = None
    groups: list[dict[str, Any]] | None = None

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            fused = self.args.device.type in ("cpu", "cuda")
            groups = self.groups or decay_groups(self.model, self.args.weight_decay)
            self.optimizer = torch.optim.AdamW(groups, lr=self.args.learning_rate, fused=fused)
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        assert self.validation is not None
        index, world = self.args.process_index, self.args.world_size
        self.model.eval()
        with torch.no_grad():
            mine = self.validation.ranks(np.arange(index, len(self.validation.cases), world))
        ranks = np.asarray(gather_object(mine.tolist()))
        metrics = {METRIC: float(ndcg(ranks, 10).mean())}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        model = self.accelerator.unwrap_model(self.model)
        save_file(trained_tensors(model), folder / "model.safetensors")

    def _load_from_checkpoint(self, checkpoint: str, model: nn.Module | None = None) -> None:
        restore(self.accelerator.unwrap_model(model or self.model), Path(checkpoint))

    def _load_best_model(self) -> None:
        assert self.state.best_model_checkpoint is not None
        restore(self.accelerator.unwrap_model(self.model), Path(self.state.best_model_checkpoint))


def trained_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that training changes, by name, on the CPU; frozen ones are left out."""
    return {
        name: value.detach().cpu().contiguous().clone()
        for name, value in model.named_parameters()
        if value.requires_grad
    }


def restore(model: nn.Module, folder: Path) -> None:
    """Put back what a checkpoint kept."""
    tensors = load_file(folder / "model.safetensors")
    left = model.load_state_dict(tensors, strict=False)
    if left.unexpected_keys:
        raise RuntimeError(f"{folder}: checkpoint of another model: {left.unexpected_keys[:3]}")


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: matrices decay, vectors (biases, norms) do not."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


@contextmanager
def _folder(context: FitContext) -> Iterator[Path]:
    if context.folder is not None:
        yield context.folder
        return
    with tempfile.TemporaryDirectory(prefix="palate-fit-") as temporary:
        yield Path(temporary)


def fit(
    model: nn.Module,
    data: Dataset,
    collate: Callable[[list[Any]], dict[str, torch.Tensor]],
    config: TrainingConfig,
    validation: Validation | None,
    context: FitContext,
    groups: list[dict[str, Any]] | None = None,
) -> Learned:
    """Train *model* in place and leave it at its best validation epoch, in evaluation mode.

    Args:
        model: a :class:`Trainable` module.
        data: training examples; *collate* makes a batch of keyword arguments from a list of them.
        validation: None trains for all epochs without stopping early.
        groups: optimizer parameter groups, for a learning rate per part of the model.
    """
    set_seed(context.seed)
    if validation is not None and len(validation.cases) == 0:
        validation = None
    with _folder(context) as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*pin_memory.*")
        trainer = _RankingTrainer(
            model=model,
            args=_arguments(config, folder, context.seed, validation is not None),
            train_dataset=data,
            eval_dataset=data if validation is not None else None,
            data_collator=collate,
            callbacks=[EarlyStoppingCallback(config.patience)] if validation is not None else [],
        )
        trainer.validation = validation
        trainer.groups = groups
        if context.progress:
            trainer.add_callback(EpochProgress(config.epochs))
        last = get_last_checkpoint(str(folder)) if context.resume and folder.exists() else None
        trainer.train(resume_from_checkpoint=last)
        state = trainer.state
    model.eval()
    return Learned(
        best=None if validation is None else state.best_metric,
        epochs=state.epoch or 0.0,
        history=_rows(state.log_history),
    )


def _rows(log: list[dict[str, float]]) -> list[dict[str, float]]:
    rows: dict[float, dict[str, float]] = {}
    for entry in log:
        row = rows.setdefault(entry["epoch"], {"epoch": entry["epoch"]})
        row.update({k.removeprefix("eval_"): v for k, v in entry.items() if k in ("loss", METRIC)})
    return [row for row in rows.values() if len(row) > 1]


def _arguments(
    config: TrainingConfig, folder: Path, seed: int, validated: bool
) -> TrainingArguments:
    bf16 = config.precision == "bf16" or (config.precision == "auto" and has_bf16())
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup,
        max_grad_norm=config.clip,
        bf16=bf16,
        fp16=config.precision == "fp16",
        eval_strategy="epoch" if validated else "no",
        save_strategy="epoch",
        logging_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=validated,
        metric_for_best_model=METRIC,
        greater_is_better=True,
        seed=seed,
        remove_unused_columns=False,
        label_names=[],
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        log_level="error",
    )


def has_bf16() -> bool:
    """True where bf16 arithmetic is done in hardware."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())
