"""Keeps the chatter of transformers off the screen: progress bars and load reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no messages below errors from transformers while this is open."""
    from transformers import modeling_gguf_pytorch_utils as gguf_reader
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    own_bar = getattr(gguf_reader, "tqdm", None)  # obeys none of the switches above
    if own_bar is not None:
        gguf_reader.tqdm = _no_bar
    try:
        yield
    finally:
        if own_bar is not None:
            gguf_reader.tqdm = own_bar
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _no_bar(steps: Iterable[Any], *_: Any, **__: Any) -> Iterable[Any]:
    return steps
