"""What is attested to an image, as plain Cosign verifies and gives it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.scratch import Scratch, run


def cosign(scratch: Scratch, *arguments: str) -> CompletedProcess[str]:
    """Cosign's verb, told of the repository's own key."""
    public = str(Path(scratch.env["SEALIFT_KEYS_DIR"]) / "cosign.pub")
    return run(
        ["cosign", *arguments[:1], f"--key={public}", "--insecure-ignore-tlog=true", *arguments[1:]], env=scratch.env
    )


def predicates(scratch: Scratch, kind: str, reference: str) -> list[dict[str, Any]]:
    """The documents of this kind that verify, each about the reference's digest; in the order of their making.

    :param kind: Cosign's name of the type, or its URI.
    """
    done = cosign(scratch, "verify-attestation", f"--type={kind}", reference)
    assert done.returncode == 0, done.stderr
    statements = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in done.stdout.splitlines()]
    for statement in statements:
        assert [f"sha256:{one['digest']['sha256']}" for one in statement["subject"]] == [reference.partition("@")[2]]
    return [statement["predicate"] for statement in statements]
