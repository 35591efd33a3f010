"""An interpreter for a run: trained when it is first asked for, judged, and kept in the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from safetensors.torch import load_file, save_file

from palate.errors import ConfigError, PalateError
from palate.experiments.atomic import replacing_files, write_json
from palate.experiments.faithfulness import judge, meet
from palate.experiments.run import Run
from palate.recommenders.interpreter import Interpreter, InterpreterConfig
from palate.recommenders.sequential import SequentialRecommender
from palate.training.context import FitContext

FOLDER = "interpreter"


def interpret(
    run: Run,
    recommender: SequentialRecommender,
    settings: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> tuple[Interpreter, dict[str, Any]]:
    """The interpreter of a run and its record: the kept one if it fits, else a new one.

    Args:
        recommender: that of the run.
        settings: of :class:`InterpreterConfig`; what is not said may be as it was kept.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the run knows too few people.
    """
    kept = kept_interpreter(run)
    try:
        config = InterpreterConfig(**(kept["config"] if kept else {}) | dict(settings or {}))
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    interpreter = Interpreter(recommender, run.catalogue(), config, run.seed)
    prints = interpreter.fingerprints()
    # The language model is known by its name: its hash differs between machines and precisions.
    same = kept and kept["fingerprints"]["recommender"] == prints["recommender"]
    if kept and same and kept["config"] == config.model_dump(mode="json"):
        interpreter.load_state(load_file(run.path(FOLDER) / "model.safetensors"))
        return interpreter, kept
    if progress:
        told = f"words: an interpreter learns from {config.samples or 'all'} moments, once per run"
        Console(stderr=True).print(told, highlight=False, soft_wrap=True)
    context = FitContext(seed=run.seed, progress=progress)
    people = meet(run.histories(), run.seed)
    interpreter.fit(people.learned, people.stopped, context)
    if interpreter.fingerprints() != prints:
        raise PalateError("training an interpreter changed what has to stay frozen")
    record = {
        "config": config.model_dump(mode="json"),
        "fingerprints": prints,
        "trainable_parameters": interpreter.trainable_parameters,
        "held_out_losses": interpreter.held_out_losses,
        **judge(interpreter, people, run.seed, progress),
    }
    with replacing_files(run.path(FOLDER)) as folder:
        save_file(interpreter.state(), folder / "model.safetensors")
        write_json(folder / "interpreter.json", record)
    return interpreter, record


def kept_interpreter(run: Run) -> dict[str, Any] | None:
    """The record of the interpreter that the run keeps, if it has learned one."""
    path = run.path(FOLDER) / "interpreter.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None
