"""Where the `sealift` command starts."""

from __future__ import annotations

import gc


def main() -> None:
    """Import the command, and run it.

    What is imported stays for as long as the process runs. Looking for garbage among it, while it is imported and ever
    again after that, took 0.6 of the 4.7 CPU seconds of a `build-all` in which nothing changed.
    """
    gc.disable()
    from ci.cli import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
