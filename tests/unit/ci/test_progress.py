from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from ci.progress import Lines, View

UNIT = "aidb linux/amd64"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_for_logs() -> None:
    written: list[str] = []
    clock = Clock()
    with Lines(written.append, clock) as lines:
        lines.started("build", UNIT)
        lines.started("scan", UNIT)
        clock.now += 12.34
        lines.finished("build", UNIT, 12.3, "c217c11086b1")
        clock.now += 100
        lines.failed("scan", UNIT, 4.56)
        lines.say("No advisory database can be reached")
        lines.finished("database", "", 1, "")
    assert written == [
        "[   0.0s] … build            aidb linux/amd64",
        "[   0.0s] … scan             aidb linux/amd64",
        "[  12.3s] ✓ build            aidb linux/amd64                  12.3s  c217c11086b1",
        "[ 112.3s] ✗ scan             aidb linux/amd64                   4.6s",
        "[ 112.3s] ! No advisory database can be reached",
        "[ 112.3s] ✓ database                                            1.0s",
    ]


@pytest.fixture
def console() -> Console:
    """A terminal of 60 columns."""
    return Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None, legacy_windows=False)


def output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_live_view_keeps_a_line_for_what_is_done(console: Console) -> None:
    with View(console) as view:
        view.started("build", UNIT)
        view.finished("build", UNIT, 12.3, "c217c11086b1")
        view.failed("scan", UNIT, 4.56)
        view.say("take [care]")
    lines = output(console)
    assert "✓ build aidb linux/amd64 12.3s c217c11086b1\n" in lines
    assert "✗ scan           aidb linux/amd64                   4.6s\n" in lines
    assert "! take [care]" in lines, "what is said is no markup"


def test_a_long_line_is_cut_to_the_terminal(console: Console) -> None:
    with View(console) as view:
        view.finished("build", UNIT, 1, "note " * 30)
    cut = [line for line in output(console).splitlines() if "✓ build" in line]
    assert len(cut) == 1
    assert cut[0].rstrip().endswith("…")
    assert len(cut[0][cut[0].index("✓") :].rstrip()) == 60


def test_the_live_view_shows_what_is_running_and_how_much_more(console: Console) -> None:
    view = View(console)
    for number in range(15):
        view.started("scan", f"service-{number} linux/amd64")
    view.finished("scan", "service-0 linux/amd64", 1, "")
    with console.capture() as shown:
        console.print(view._render())
    text = shown.get()
    assert "service-1 linux/amd64" in text
    assert "service-0 " not in text
    assert text.count("linux/amd64") == 12
    assert "and 2 more" in text
    assert "1 steps done, 14 running" in text


def test_nothing_but_the_note_is_cut_on_a_narrow_terminal(console: Console) -> None:
    console.width = 40
    name = "a-service-with-a-name-of-thirty-nine-chars"
    with View(console) as view:
        view.finished("build", "web linux/amd64", 12.3, "c217c11086b1")
        view.finished("build", f"{name} linux/amd64", 12.3, "c217c11086b1")
        view.failed("scan", f"{name} linux/amd64", 4.5)
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", output(console))
    lines = [line.split("\r")[-1] for line in text.splitlines()]
    assert all(cell_len(line) <= 40 for line in lines)
    assert "✓ build web linux/amd64 12.3s c217c1108…" in lines
    assert "".join(lines).replace(" ", "").count(f"{name}linux/amd6412.3s") == 1
    assert "".join(lines).replace(" ", "").count(f"{name}linux/amd644.5s") == 1
