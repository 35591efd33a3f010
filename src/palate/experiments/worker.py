"""One training in a process of its own, so that its seconds and its peak memory are its own.

``python -m palate.experiments.worker`` reads a job (one line of JSON) from standard
input, and stops when standard input closes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from palate.errors import PalateError
from palate.experiments.atomic import write_json

FAILURE = "failure.json"
LOG = "log.txt"


@dataclass(frozen=True)
class Job:
    """What to train, and where; the arguments of :func:`palate.experiments.train.train`."""

    method: str
    settings: dict[str, Any]
    data: dict[str, Any]
    seed: int
    folder: str
    progress: bool
    resume: bool
    command: str
    kind: str = "items"


def run_job(job: Job) -> str | None:
    """Run a job in a new process; what went wrong in one line, or None.

    Progress bars go to this process's standard error if the job asks for them; what else a
    library has to say goes to ``log.txt`` in the run's folder, and why the job failed, traceback
    and all, to ``failure.json``.
    """
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FAILURE).unlink(missing_ok=True)
    # -P: a file in the current folder must not stand in for a module of the same name.
    command = [sys.executable, "-P", "-m", "palate.experiments.worker"]
    with (folder / LOG).open("w", encoding="utf-8") as log:
        errors = None if job.progress else log
        # Standard output goes to the log: this process may be writing a result to its own.
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=errors) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            process.stdin.flush()
            code = _wait(process)
    if code == 0:
        (folder / LOG).unlink()
        return None
    return _reason(folder, code)


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except BaseException:  # Ctrl-C reaches the worker too, but it may be deep in native code
        process.kill()
        raise


def _reason(folder: Path, code: int) -> str:
    if (folder / FAILURE).exists():
        return str(json.loads((folder / FAILURE).read_text("utf-8"))["error"])
    if code < 0:
        name = signal.Signals(-code).name
        likely = "; the machine ran out of memory, most likely" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{likely}"
    return f"the process ended with code {code}"


def main() -> int:
    """Do the job on standard input; 0 if it went well."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _train(job)
    except KeyboardInterrupt:
        return 130
    except PalateError as error:
        write_json(Path(job.folder) / FAILURE, {"error": str(error)})
        return 2
    except Exception as error:
        first = (str(error).strip() or "no message").splitlines()[0]
        failure = {"error": f"{type(error).__name__}: {first}", "traceback": traceback.format_exc()}
        write_json(Path(job.folder) / FAILURE, failure)
        return 1
    return 0


def _end_with_parent() -> None:
    """Stop when the process that gave the job is gone: nobody waits for the result."""
    sys.stdin.read()  # returns when the other end of the pipe closes
    os._exit(130)


def _train(job: Job) -> None:
    from palate.experiments.kinds import kind
    from palate.experiments.train import train

    train(
        job.method,
        job.settings,
        kind(job.kind).data.model_validate(job.data),
        job.seed,
        Path(job.folder),
        progress=job.progress,
        resume=job.resume,
        command=job.command,
    )


if __name__ == "__main__":
    sys.exit(main())
