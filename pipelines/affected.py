"""Which services a change reaches: those whose own inputs differ, and those that are built on them. Pure but for ignore
files, which say what is no input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.basing import uses_of
from pipelines.config import Config, InvalidConfig, LoadedConfig, parse
from pipelines.config.files import read_text
from pipelines.context_size import ignored
from pipelines.contexts import Context
from pipelines.git_range import Range
from pipelines.lock import FILE


def affected(root: Path, loaded: LoadedConfig, names: Sequence[str], changes: Range) -> dict[str, str]:
    """Service → why the change reaches it, in words; of the named services, which come after what they need.

    A file that the service's ignore file leaves out reaches nothing. A change of the configuration reaches the services
    whose own part of it differs, or all where it differs at the top level.
    """
    before = _config(changes)
    found: dict[str, str] = {}
    for name in names:
        needed = [need for need in loaded.config.services[name].needs if need in found]
        if why := _configured(name, before, loaded.config) or _changed(root, name, loaded, changes):
            found[name] = why
        elif needed:
            found[name] = f"built on {', '.join(needed)}, which changed"
    return found


def _config(changes: Range) -> Config | None:
    """The configuration as it was; None if there was none that can be read."""
    if changes.config is None:
        return None
    try:
        return parse(changes.config.decode("utf-8"))
    except (InvalidConfig, UnicodeDecodeError):
        return None


def _configured(name: str, before: Config | None, now: Config) -> str | None:
    if before is None:
        return "there was no configuration that can be compared"
    if _top(before) != _top(now):
        return "the configuration of all services changed"
    if before.services.get(name) != now.services[name]:
        return "its configuration changed" if name in before.services else "it is new"
    return None


def _top(config: Config) -> Mapping[str, Any]:
    """What reaches the images of all services; where these go and under which tags does not."""
    return {key: getattr(config, key) for key in ("source", "licence", "platforms")}


def _stands_on_others(root: Path, name: str, loaded: LoadedConfig) -> bool:
    """Whether its Dockerfile names an image that the lock may be about; also if it cannot be read."""
    text, _ = read_text(root / loaded.paths[name].dockerfile, "")
    return text is None or any(uses_of(loaded, {name: text}))


def _changed(root: Path, name: str, loaded: LoadedConfig, changes: Range) -> str | None:
    paths = loaded.paths[name]
    if FILE in changes.paths and _stands_on_others(root, name, loaded):
        return f"changed: {FILE}"
    below = [path for path in map(PurePosixPath, sorted(changes.paths)) if path.is_relative_to(paths.context)]
    if not below:
        return None
    left_out = ignored(root, Context(folder=paths.context, dockerfile=paths.dockerfile.relative_to(paths.context)))
    inputs = [path for path in below if path == paths.dockerfile or not left_out(path)]
    if not inputs:
        return None
    more = f" and {len(inputs) - 1} more" if len(inputs) > 1 else ""
    return f"changed: {inputs[0]}{more}"
