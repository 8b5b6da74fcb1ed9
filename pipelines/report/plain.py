"""What is drawn for a terminal, as plain text."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def plain(drawn: RenderableType, *, width: int) -> str:
    """Without colours, `width` columns wide, and no spaces at the ends of lines."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(drawn)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
