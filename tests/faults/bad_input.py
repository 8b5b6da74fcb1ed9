"""How bad input is refused: what, where and what to do, all of it at once, before an engine is asked."""

from __future__ import annotations

from tests.faults.command import Bare, Done

REMEDY = "remedy: mend each line above and run again; docs/configuration.md describes every key and variable"


def refused(done: Done) -> list[str]:
    """The lines of an error that is one of the configuration; nothing else was said."""
    assert done.code == 3, done.err
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("  remedy: ")
    assert "Traceback" not in done.err
    return lines


def problems(bare: Bare, *arguments: str) -> list[str]:
    """What a release is refused for, one problem each; nothing was written, and no engine was asked."""
    before = sorted(bare.root.rglob("*"))
    lines = refused(bare.sealift("build-all", *arguments))
    assert sorted(bare.root.rglob("*")) == before
    assert list(bare.home.iterdir()) == []
    *found, remedy = lines[1:]
    assert lines[0] == f"error: {len(found)} problem{'s' if len(found) != 1 else ''} in the configuration"
    assert remedy.strip() == REMEDY
    return [line.strip() for line in found]


def accepted(bare: Bare) -> None:
    """The mended repository gets as far as the engine, which is not there."""
    done = bare.sealift("build-all")
    assert done.code == 7, done.err
    assert "no Dagger engine answers at tcp://127.0.0.1:1" in done.err
