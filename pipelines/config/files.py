"""Reading the repository's own files: bounded, in UTF-8, with a problem instead of an exception."""

from __future__ import annotations

from pathlib import Path

from pipelines.config.problems import Problem

MAX_BYTES = 1_000_000


def read_text(path: Path, name: str, *, if_missing: str = "") -> tuple[str | None, list[Problem]]:
    """A text file of at most 1 MB in UTF-8, or what is wrong with it. A byte order mark is taken off."""
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            return None, [Problem(source=name, message="is not a file")]
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return None, [Problem(source=name, message=f"is larger than {MAX_BYTES // 1_000_000} MB")]
        return data.decode("utf-8-sig"), []
    except FileNotFoundError:
        return None, [Problem(source=name, message="there is no such file" + (f"; {if_missing}" if if_missing else ""))]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return None, [Problem(source=name, line=line, message="is not UTF-8 text; save it as UTF-8")]
    except (OSError, ValueError) as error:
        return None, [Problem(source=name, message=f"cannot be read: {getattr(error, 'strerror', None) or error}")]
