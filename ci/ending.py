"""How a command ends: every error is caught here, once, and becomes an exit code."""

from __future__ import annotations

import signal
import sys

import click

from ci.interrupt import Interrupted
from ci.run import NothingToDo
from ci.terminal import columns, complain, report
from pipelines.errors import ExitCode, SealiftError


def run(command: click.Command) -> None:
    """Run the command to its end, which is the process's.

    :raises SystemExit: always, with the exit code.
    """
    try:
        sys.exit(_code(command))
    finally:
        # All is said and done. A signal while the interpreter ends would leave a traceback, and another exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _code(command: click.Command) -> int:
    try:
        # Click writes its help at least 50 columns wide, unless it is told otherwise.
        width = columns(sys.stdout)
        # By itself, Click would end with code 1 on Ctrl-C, and say "Aborted!".
        code = command.main(standalone_mode=False, terminal_width=width - 1 if width and width < 52 else None)
    except NothingToDo as nothing:
        report("\n".join(map(str, nothing.args)) + "\nNothing to do.")
    except SealiftError as error:
        complain(error)
        return error.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (Interrupted, KeyboardInterrupt, click.Abort) as stop:
        report("interrupted: nothing more is running; no tag moves after this")
        return stop.exit_code if isinstance(stop, Interrupted) else ExitCode.INTERRUPTED
    else:
        # The code of `--help` and the like; commands themselves return nothing.
        return int(code or 0)
    return 0
