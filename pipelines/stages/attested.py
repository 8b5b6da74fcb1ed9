"""What verifies of an image, with who said it and what: where whether it verifies is not all there is to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import dagger

from pipelines.errors import SigningError
from pipelines.model import Digest
from pipelines.stages.failures import engine_error
from pipelines.stages.toolbox import Toolbox
from pipelines.stages.verify import NOBODY, Answer, asked
from pipelines.statements import Statement, about, certificates, fingerprint, read_statements
from pipelines.trust import Party, Trust
from pipelines.verification import Signatory


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Of one kind, about one manifest.

    :param objection: None if it verifies.
    :param signed_by: whose statements verify; of a pattern, the subject is known only if its certificate was shown.
    :param statements: none if nobody asked for them.
    """

    objection: str | None = None
    signed_by: tuple[Signatory, ...] = ()
    statements: tuple[Statement, ...] = ()


async def proofs(
    toolbox: Toolbox,
    trust: Trust,
    parties: Sequence[Party],
    references: Mapping[Digest, str],
    *,
    kind: str | None,
    read: bool = False,
) -> dict[Digest, Proof]:
    """What there is of one kind about each manifest at a target: all at once if all verify, else one by one.

    :param parties: as in `stages.verify.verifies`.
    :param references: digest of a manifest → its reference, as the tools see it.
    :param read: the statements are wanted too.
    :raises RegistryError: the target did not show what was to be verified.
    """
    ask = partial(asked, toolbox, trust, kind=kind, outward=True)
    whole = [None] if trust.public is not None else list(_single(parties))
    if len(whole) == 1:
        answer = await ask(whole[0], list(references.values()))
        if answer.objection is None:
            return await _good(answer, trust, whole[0], references, read=read)
        if len(references) == 1:
            return {digest: Proof(objection=answer.objection) for digest in references}
    found: dict[Digest, Proof] = {}
    for digest, reference in references.items():
        found[digest] = Proof(objection=NOBODY)
        for party in whole:
            answer = await ask(party, [reference])
            if answer.objection is None:
                found |= await _good(answer, trust, party, {digest: reference}, read=read)
                break
            found[digest] = Proof(objection=answer.objection)
    return found


def _single(parties: Sequence[Party]) -> Iterator[Party]:
    """Each identity by itself: Cosign says that one of several has signed, and not which."""
    for party in parties:
        if party.pattern is not None:
            yield party
        for subject in party.subjects:
            yield replace(party, subjects=(subject,))


async def _good(
    answer: Answer, trust: Trust, party: Party | None, references: Mapping[Digest, str], *, read: bool
) -> dict[Digest, Proof]:
    signed = await _signed_by(answer, trust, party, references)
    statements = read_all(await text_of(answer.payloads)) if read else ()
    return {
        digest: Proof(signed_by=signed[digest], statements=tuple(about(statements, digest))) for digest in references
    }


async def _signed_by(
    answer: Answer, trust: Trust, party: Party | None, references: Mapping[Digest, str]
) -> dict[Digest, tuple[Signatory, ...]]:
    if party is None:
        return dict.fromkeys(references, (Signatory(key=fingerprint(trust.public or "")),))
    try:
        shown = certificates(await answer.container.stderr())
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure
    # Of Sigstore bundles it shows no certificate: then it is the one subject that was asked for, or what matches.
    only = Signatory(subject="".join(party.subjects), issuer=party.issuer)
    return {
        digest: tuple(
            replace(one, pattern=party.pattern or "", repository=party.repository or "", ref=party.ref or "")
            for one in shown.get(reference) or (only,)
        )
        for digest, reference in references.items()
    }


async def text_of(file: dagger.File) -> str:
    """A file of the engine's, however large: as a file, and not in an answer of its API."""
    try:
        with TemporaryDirectory(prefix="sealift-") as folder:
            path = Path(folder) / "file"
            await file.export(str(path))
            return await anyio.Path(path).read_text(encoding="utf-8")
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure


def read_all(text: str) -> tuple[Statement, ...]:
    """:raises SigningError: what verified is no statement."""
    try:
        return read_statements(text)
    except ValueError as error:
        raise SigningError(
            f"what is attested cannot be read: {error}", remedy="do not use this image", step="verify"
        ) from error
