"""Starts ``palate serve`` again and again without importing everything again and again.

Reads one JSON list from each line of standard input (a file for the output, code that runs first,
and the words of the command), starts the command in a child, and writes the child's process id.
"""

import json
import os
import signal
import sys

import palate.recommenders.ease
import palate.recommenders.popularity
import palate.serving.start  # noqa: F401 - what takes long, once


def child(output: str, before: str, words: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    exec(before)
    sys.argv = ["palate", *words]
    from palate.cli import main

    try:
        main()
    finally:
        os._exit(1)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who was killed leaves nothing to be waited for
for line in sys.stdin:
    job = json.loads(line)
    process = os.fork()
    if process == 0:
        sys.stdin.close()
        child(*job)
    print(process, flush=True)
