"""The command line: what people type. Parse, call, print; nothing is computed here.

Nothing heavy is imported before a command is chosen, so that ``palate --help`` is instant.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from palate.errors import PalateError

INTERRUPTED = 130


def main() -> NoReturn:
    """Run a command; an error a person can act on becomes one line on stderr and exit code 2."""
    import typer

    from palate.cli.app import app

    debug = os.environ.get("PALATE_DEBUG", "") not in ("", "0")
    try:
        code = app(standalone_mode=False, prog_name="palate")
        sys.stdout.flush()
    except PalateError as error:
        if debug:
            raise
        code = _fail(str(error))
    except typer.TyperException as error:  # an option that does not exist, a missing argument
        command = getattr(getattr(error, "ctx", None), "command_path", "palate")
        code = _fail(f"{error.format_message()} See '{command} --help'.")
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe had enough: `palate methods | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> int:
    line = " ".join(message.split())
    bold, plain = ("\x1b[1;31m", "\x1b[0m") if _colour() else ("", "")
    print(f"{bold}error:{plain} {line}", file=sys.stderr)
    return 2


def _colour() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ
