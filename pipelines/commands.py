"""The plain Cosign commands for what was verified: a shell script that needs Cosign, and nothing of Sealift. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipelines.cosign import arguments, verb
from pipelines.model import Digest
from pipelines.predicates import PREDICATES
from pipelines.trust import Party, Trust
from pipelines.verification import Outcome, Signatory, Verified

KEY: Final = "cosign.pub"
ROOT: Final = "trusted-root.json"
"""Files that the script writes into a folder of its own."""

_BY_ITSELF: Final = "--new-bundle-format=true"
"""Cosign 3 does so by itself, and warns of who says it."""


def commands(item: Verified, trust: Trust, *, insecure: bool) -> Iterator[list[str]]:
    """Each signature and attestation of an image that verified: the command that accepts it.

    :param insecure: its registry is spoken to in plain HTTP.
    """
    for check in item.checks:
        if check.outcome is not Outcome.OK or check.digest is None or not check.signed_by:
            continue
        if check.name != "signature" and check.name not in PREDICATES:
            continue
        kind = None if check.name == "signature" else check.name
        how = _arguments(trust, check.signed_by[0], insecure=insecure)
        reference = f"{item.repository}@{Digest(check.digest)}"
        verbs = [verb(trust, kind)] if kind or trust.legacy else [["verify"], verb(trust, kind)]
        for words in verbs:
            yield ["cosign", *words, *how, reference]


def _arguments(trust: Trust, who: Signatory, *, insecure: bool) -> list[str]:
    party = None
    if not who.key:
        party = Party(
            issuer=who.issuer,
            subjects=(who.subject,),
            pattern=who.pattern or None,
            repository=who.repository or None,
            ref=who.ref or None,
        )
    left_out = (_BY_ITSELF, *(() if insecure else ("--allow-http-registry",)))
    return [word for word in arguments(trust, party, public=KEY, root=ROOT) if word not in left_out]


def script(found: Iterable[Sequence[str]], trust: Trust) -> str:
    """A POSIX shell script that ends with 0 if Cosign accepts all of it, and else with its exit code."""
    lines = ["set -eu", "work=$(mktemp -d)", "trap 'rm -r \"$work\"' EXIT", 'cd "$work"']
    for name, text in ((KEY, trust.public), (ROOT, trust.root)):
        if text is not None:
            lines += [f"cat >{name} <<'END'", text.rstrip("\n"), "END"]
    return "\n".join([*lines, *(shlex.join(command) for command in found)]) + "\n"
