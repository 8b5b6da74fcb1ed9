"""What is drawn for a terminal, as plain text; and without what would command one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters but tab and line feed, and those that turn the direction of writing around.
COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Text whose control characters are shown, and not obeyed: names of packages and files are other people's."""
    return COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)


class Harmless(Console):
    """A console on which only its own code moves the cursor, colours, or sets the window's title."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def plain(drawn: RenderableType, *, width: int) -> str:
    """Without colours, `width` columns wide, and no spaces at the ends of lines."""
    file = io.StringIO()
    Harmless(file=file, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(drawn)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
