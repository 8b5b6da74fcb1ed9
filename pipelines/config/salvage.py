"""What remains of a configuration that the schema refused: enough to look for further problems, never to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from pipelines.config.problems import KeyPath
from pipelines.config.schema import Config

# In place of required values that are missing or refused. Findings about them are not shown: they are told already.
_TOP = {"version": 1, "project": "x", "source": "x"}
_ENTRY: Mapping[str, Mapping[str, object]] = {"services": {}, "environments": {"registry": "localhost"}}


def salvage(data: object, refused: Iterable[KeyPath]) -> Config | None:
    """The configuration without the refused values, or None if the schema still refuses it.

    :param data: the file's data; not changed.
    :param refused: pydantic's locations, a key's own with `[key]` after it.
    """
    remains = data
    for path in refused:
        remains = _without(remains, path)
    if not isinstance(remains, dict):
        return None
    remains = {**_TOP, **remains}
    for section, required in _ENTRY.items():
        entries = remains.get(section)
        if isinstance(entries, dict):
            remains[section] = {name: {**required, **(entry or {})} for name, entry in entries.items()}
    try:
        return Config.model_validate(remains)
    except ValidationError:
        return None


def _without(data: object, path: KeyPath, depth: int = 0) -> object:
    """The mapping without one entry; without the whole list for an entry of a list.

    A service or environment keeps its name, so that what refers to it is not called wrong.
    """
    if not isinstance(data, dict) or not path or path[0] not in data:
        return data
    name, rest = path[0], path[1:]
    if rest and rest != ("[key]",) and isinstance(data[name], dict):
        inside = depth + 1 if depth or name in _ENTRY else 0
        return {**data, name: _without(data[name], rest, inside)}
    if depth == 1 and not rest:
        return {**data, name: {}}
    return {key: value for key, value in data.items() if key != name}
