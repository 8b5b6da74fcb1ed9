"""The store: a dictionary, its index and, if a path is given, a journal that survives a restart."""

import json
import os
from pathlib import Path
from typing import Any

from .search import Hit, Index


class Store:
    """Not for several threads: one event loop owns it."""

    def __init__(self, path: Path | None = None) -> None:
        self._values: dict[str, str] = {}
        self._index = Index()
        self._path = path
        if path is not None:
            self._load(path)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> str | None:
        """The value as JSON text."""
        return self._values.get(key)

    def put(self, key: str, value: Any) -> bool:
        """Sets a key; true if it is new."""
        created = key not in self._values
        self._write({"key": key, "value": value})
        self._set(key, value)
        return created

    def delete(self, key: str) -> bool:
        """Removes a key; false if there is none."""
        if key not in self._values:
            return False
        self._write({"key": key})
        self._unset(key)
        return True

    def keys(self, prefix: str, limit: int) -> list[str]:
        return sorted(key for key in self._values if key.startswith(prefix))[:limit]

    def search(self, query: str, limit: int) -> list[Hit]:
        return self._index.search(query, limit)

    def _set(self, key: str, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False)
        self._values[key] = text
        self._index.add(key, f"{key} {text}")

    def _unset(self, key: str) -> None:
        self._values.pop(key, None)
        self._index.remove(key)

    def _write(self, entry: dict[str, Any]) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry, ensure_ascii=False) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def _load(self, path: Path) -> None:
        """Replays the journal, then writes it anew with only what still counts."""
        lines = path.read_bytes().rstrip(b"\n").split(b"\n") if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
            except ValueError:
                if number < len(lines):
                    raise
                break  # the last write was cut short: it was never acknowledged
            if "value" in entry:
                self._set(entry["key"], entry["value"])
            else:
                self._unset(entry["key"])
        fresh = path.with_name(path.name + ".new")
        with fresh.open("w", encoding="utf-8") as journal:
            for key, text in self._values.items():
                journal.write(f'{{"key": {json.dumps(key, ensure_ascii=False)}, "value": {text}}}\n')
            journal.flush()
            os.fsync(journal.fileno())
        fresh.replace(path)
