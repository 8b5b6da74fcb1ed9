"""Plain data as YAML that is the same every time, and that every YAML reader takes for the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_BOOL = "tag:yaml.org,2002:bool"


class Dumper(yaml.SafeDumper):
    """Writes no anchors, and quotes what some readers take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's own signature
        """Whatever is the same object is written again."""
        return True


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """Several lines as a block, as people write them."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _text)
# Go's readers, as YAML 1.1 says: a service may be called `y`.
Dumper.add_implicit_resolver(_BOOL, re.compile(r"^[yYnN]$"), list("yYnN"))


def dump(document: Mapping[str, Any]) -> str:
    """A document, its keys in their order."""
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)


def comment(*lines: str) -> str:
    """Lines of a comment."""
    return "".join(f"# {line}\n" for line in lines)


def scalar(text: str, style: str | None) -> str:
    """A text of printable ASCII as a scalar, in the style of the one that it replaces if it can be.

    :param style: PyYAML's: `'`, `"`, or None for plain.
    """
    if style == '"':
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if style == "'" or not _plain(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _plain(text: str) -> bool:
    """Whether the text stands for itself without quotes, in a flow mapping too."""
    return dump({"k": text}) == f"k: {text}\n" and not any(sign in text for sign in ",[]{}")
