"""Starts a Dagger module written in Python, in the container that `main.dang` makes for it.

The main object is what the module's `dagger.mod` entry point names; without one it is the module's name in PascalCase,
as Dagger's own rule is.
"""

import importlib.metadata
import os
import re
import sys


def main_object(module: str) -> str:
    """The name of the module's class."""
    for point in importlib.metadata.entry_points(group="dagger.mod", name="main_object"):
        if point.attr:
            return point.attr
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", module))


if __name__ == "__main__":
    os.environ.setdefault("DAGGER_MAIN_OBJECT", main_object(os.environ["DAGGER_MODULE"]))
    # It reads the variable when it is imported.
    from dagger.mod.cli import app

    sys.exit(app(register="--register" in sys.argv))
