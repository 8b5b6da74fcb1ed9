"""What the search for build secrets answers, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.errors import ToolError
from pipelines.model import Severity
from pipelines.stages.baked import Baked, read_answer

WHERE = {"service": "web", "platform": "linux/amd64", "step": "secrets"}


def read(answer: Any) -> Baked:
    return read_answer(json.dumps(answer), ["npm", "pin"], WHERE)


def test_nothing_found_and_one_too_short() -> None:
    assert read({"found": {"npm": []}, "short": ["pin"]}) == Baked(short=("pin",))


def test_a_finding_names_every_place_up_to_five() -> None:
    places = [["configuration", "config.Env[1]"], *(["layer 2 of 2", f"/file-{number}"] for number in range(6))]
    (finding,) = read({"found": {"npm": places, "pin": []}, "short": []}).findings
    assert finding.title == (
        "the value of the build secret 'npm' is in the image:"
        " configuration, config.Env[1]; layer 2 of 2, /file-0; layer 2 of 2, /file-1; layer 2 of 2, /file-2;"
        " layer 2 of 2, /file-3; and 2 more"
    )
    assert (finding.id, finding.package, finding.kind, finding.severity) == (
        "build-secret", "npm", "secret", Severity.CRITICAL
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        json.dumps({"found": {"npm": []}, "short": []}),
        json.dumps({"found": {"npm": [], "pin": [], "x": []}, "short": []}),
        json.dumps({"found": {"npm": ["layer"], "pin": []}, "short": []}),
    ],
    ids=["nothing", "no answer", "a list", "one is missing", "one too many", "no place"],
)
def test_what_is_no_whole_answer_does_not_pass(text: str) -> None:
    with pytest.raises(ToolError, match="gave no answer"):
        read_answer(text, ["npm", "pin"], WHERE)
