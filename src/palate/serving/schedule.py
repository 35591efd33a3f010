"""Updates on a schedule, in a process of their own; see :mod:`palate.serving.loop`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from palate.errors import ConfigError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds(text: str) -> int:
    """``30m`` as seconds.

    Raises:
        ConfigError: it is no time.
    """
    found = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if found is None or not int(found[1]):
        raise ConfigError(f"'{text}' is no time between updates; write 30m, 12h, 1d or 1w")
    return int(found[1]) * SECONDS[found[2]]


class Schedule:
    """Updates in a process of its own, as long as this one lives."""

    def __init__(self, every: str, folders: Mapping[str, Path], store: str) -> None:
        """
        Args:
            every: time between updates, as ``1d``.
            folders: of the runs, by name.

        Raises:
            ConfigError: *every* is no time.
        """
        self._job = {
            "seconds": seconds(every),
            "folders": {name: str(folder.resolve()) for name, folder in folders.items()},
            "store": store if "://" in store else str(Path(store).expanduser().resolve()),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; the first update comes after the first span of time."""
        # -P: a file in the current folder must not stand in for a module of the same name.
        command = [sys.executable, "-P", "-m", "palate.serving.loop"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._job).encode() + b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Let the process end; an update under way is given up and leaves nothing."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
