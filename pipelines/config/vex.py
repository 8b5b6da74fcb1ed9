"""The VEX documents that the configuration names: read, and seen to be what the scanner takes for one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.config.files import read_text
from pipelines.config.problems import REMEDY, InvalidConfig, Problem, in_order
from pipelines.vex import Vex

_NEITHER = "is neither OpenVEX, with '@context' and 'statements', nor CSAF, with 'document' and 'vulnerabilities'"


def read_vex(root: Path, files: Sequence[str]) -> tuple[Vex, ...]:
    """The documents, in their order.

    :param files: from the root.
    :raises InvalidConfig: with every file that is no JSON, or neither OpenVEX nor CSAF.
    """
    documents: list[Vex] = []
    problems: list[Problem] = []
    for file in files:
        text, wrong = read_text(root / file, file)
        problems.extend(wrong)
        if text is None:
            continue
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            message = f"is no JSON: {error.msg}"
            problems.append(Problem(source=file, line=error.lineno, column=error.colno, message=message))
            continue
        if not _known(data):
            problems.append(Problem(source=file, line=1, column=1, message=_NEITHER))
        documents.append(Vex(file=file, text=text))
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return tuple(documents)


def _known(data: Any) -> bool:
    """Whether Trivy 0.69 would use it (its `pkg/vex/document.go`): other JSON could be one that states nothing."""
    if not isinstance(data, dict):
        return False
    context, statements = str(data.get("@context", "")), data.get("statements")
    openvex = context.startswith("https://openvex.dev/ns") and isinstance(statements, list)
    return openvex or (isinstance(data.get("document"), dict) and isinstance(data.get("vulnerabilities"), list))
