from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from pipelines.report.plain import Harmless, plain

EVIL = "evil\x1b]0;title\x07\x1b[2J\x9b31m\u202e\r"


def table(text: str) -> Table:
    made = Table("[bold]name[/]")
    made.add_row(Text(text))
    return made


@pytest.mark.parametrize("drawn", [EVIL, Text(EVIL, style="red"), table(EVIL)], ids=["markup", "text", "table"])
def test_what_is_shown_commands_no_terminal(drawn: str | Text | Table) -> None:
    """Names of packages, labels of images and a tool's words are shown; they are other people's."""
    file = io.StringIO()
    Harmless(file=file, width=200, force_terminal=True, color_system="truecolor", highlight=False).print(drawn)
    assert "evil\\x1b]0;title" in file.getvalue()
    assert not {"\x07", "\x9b", "\u202e", "\r"} & set(file.getvalue())
    assert "\x1b]" not in file.getvalue()
    assert "\x1b[2J" not in file.getvalue()
    assert "\x1b" not in plain(drawn, width=200)


def test_its_own_colours_stay() -> None:
    file = io.StringIO()
    Harmless(file=file, force_terminal=True, color_system="truecolor").print(Text("red\tand\nso on", style="red"))
    assert "\x1b[31m" in file.getvalue()
