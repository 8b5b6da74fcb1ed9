"""What a person reads in a terminal of 40 columns, with `NO_COLOR`, and where there is no terminal."""

from __future__ import annotations

import os
import re

import pytest

from tests.faults.command import Bare
from tests.faults.outcomes import nothing_left
from tests.faults.small import Small
from tests.faults.terminal import Shown, in_terminal
from tests.scratch import SEALIFT, run

NARROW = 40
TERMINAL = {"TERM": "xterm-256color"}


def shown(bare: Bare, *arguments: str, **variables: str) -> Shown:
    env = {**bare.env, **TERMINAL, **variables}
    return in_terminal([*SEALIFT, *arguments], cwd=bare.root, env=env, columns=NARROW)


def fits(seen: Shown) -> None:
    """No line is left for the terminal to break."""
    assert [line for line in seen.written if len(line) > NARROW] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("plan",), "Nothing was built. 'sealift build-all' does it."),
        (("--help",), "Show this message and exit."),
        (("build-all", "--help"), "Do not scan. Refused outside the local environment."),
    ],
)
def test_answers_fit_a_terminal_of_40_columns(bare: Bare, arguments: tuple[str, ...], expected: str) -> None:
    seen = shown(bare, *arguments)
    assert seen.code == 0, seen.text
    assert expected in seen.text
    fits(seen)


def test_errors_fit_a_terminal_of_40_columns_and_are_coloured_only_if_wanted(bare: Bare) -> None:
    bare.configure("tags: [dev]", "tagz: [dev]")
    said = "sealift.yaml:7:37 environments.local.tagz: unknown key; did you mean 'tags'?"
    coloured, plain = shown(bare, "build-all"), shown(bare, "build-all", NO_COLOR="1")
    for seen in (coloured, plain):
        assert seen.code == 3
        assert said in seen.text
        fits(seen)
    assert coloured.colours
    assert plain.escapes == []
    # Without a terminal nothing is coloured, and no line is broken.
    done = bare.sealift("build-all")
    assert done.code == 3
    assert "\x1b" not in done.err
    assert said in " ".join(done.err.splitlines()[1].split())


def test_a_release_in_a_terminal_of_40_columns(repository: Small) -> None:
    env = {**os.environ, **repository.env, **TERMINAL}
    env.pop("COLUMNS", None)  # an answer that would go before the terminal's own
    seen = release(repository, env)
    assert seen.code == 0, seen.raw
    fits(seen)
    assert seen.colours
    assert "PUBLISHED" in seen.text
    # Another test of the session may have scanned the same image before.
    assert re.search(r"Cached: [01] of 1 images, \d+ of \d+ engine steps", seen.text)
    # The live view draws over itself, and nothing of it is left.
    assert "steps done" in seen.raw
    assert "steps done" not in seen.text
    nothing_left(repository)

    plain = release(repository, {**env, "NO_COLOR": "1"})
    assert plain.code == 0, plain.raw
    assert plain.colours == []
    assert "PUBLISHED" in plain.text

    # No terminal: a line for each stage, none of them broken, and nothing that commands a terminal.
    done = run([*SEALIFT, "build-all", "--no-reuse"], cwd=repository.root, env=env)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "PUBLISHED" in done.stdout
    assert "… build " in done.stderr
    assert "\r" not in done.stderr
    assert repository.registry.tags("web") == ["dev"]


def release(repository: Small, env: dict[str, str]) -> Shown:
    return in_terminal([*SEALIFT, "build-all"], cwd=repository.root, env=env, columns=NARROW)
