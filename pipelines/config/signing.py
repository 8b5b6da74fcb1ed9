"""How images are signed, and whose signatures count: the shape in `sealift.yaml`, and what the schema cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from pipelines.config.callers import check_caller
from pipelines.config.problems import Finding, KeyPath, suggestion
from pipelines.config.types import Flag, Strict, Text
from pipelines.errors import shown
from pipelines.trust import GITHUB_ISSUER, PLACEHOLDERS, placeholders

KMS_SCHEMES: Final = ("awskms", "gcpkms", "azurekms", "hashivault", "k8s")
"""Keys that stay where they are, as Cosign names them (sigstore/cosign, doc/cosign_sign.md, `--key`)."""


class Signatory(Strict):
    """Who may sign, as Fulcio's certificates name it."""

    issuer: Text = Field(default=GITHUB_ISSUER, description="Who vouches for it: the issuer of its identity tokens.")
    subject: Text | None = Field(
        default=None,
        description="Exact, as in https://github.com/OWNER/REPOSITORY/.github/workflows/release.yml@refs/heads/main."
        " {version} and {service} stand for those of the image.",
    )
    subject_pattern: Text | None = Field(
        default=None,
        description="Instead: a regular expression (RE2) for the whole subject. Needs 'allow_patterns: true'.",
    )
    repository: Text | None = Field(
        default=None,
        description="OWNER/NAME whose job of GitHub Actions it has to be. Needed where the subject is a workflow of"
        " another repository: many can call that.",
    )
    ref: Text | None = Field(
        default=None,
        description="Git ref that the job has to be about, as in refs/heads/main or refs/tags/{version}. The subject of"
        " a reusable workflow's job does not have it.",
    )


class Signing(Strict):
    """How images are signed, and whose signatures count."""

    method: Literal["key", "kms", "keyless"] | None = Field(
        default=None,
        description="Default: the key that SIGNING_KEY or 'key' names; without one, the local key pair for rehearsals,"
        " and else keyless.",
    )
    key: Text | None = Field(
        default=None,
        description="Key in a KMS, as Cosign names it: awskms://…, gcpkms://…, azurekms://…, hashivault://…",
    )
    identities: list[Signatory] = Field(
        default_factory=list,
        max_length=50,
        description="Keyless: whose signatures count; one of them signed.",
    )
    allow_patterns: Flag = Field(default=False, description="Let identities be patterns: whatever matches may sign.")
    public_log: Flag = Field(
        default=False,
        description="Say yes to the names of a private repository, its workflow and its images in the public log.",
    )
    trusted_root: Text | None = Field(
        default=None, description="File, from the root: what an instance of Sigstore of your own is trusted by."
    )
    signing_config: Text | None = Field(default=None, description="File, from the root: the services to sign with.")
    fulcio: Text | None = Field(default=None, description="URL of the certificate authority, instead of a file.")
    rekor: Text | None = Field(default=None, description="URL of the transparency log (Rekor v2).")
    timestamp: Text | None = Field(default=None, description="URL of the timestamp authority.")
    format: Literal["bundle", "legacy"] = Field(
        default="bundle", description="legacy: for verifiers that do not know Sigstore bundles (before Cosign 2.4)."
    )

    @property
    def own_services(self) -> bool:
        """Whether it signs with an instance of Sigstore of its own, and not with the public one."""
        return bool(self.signing_config or self.fulcio)


def check_signing(path: KeyPath, signing: Signing, source: str) -> Iterator[Finding]:
    """What concerns several keys of it, or one key that the schema cannot tell.

    :param source: URL of the repository that is released.
    """
    if signing.key is not None and (wrong := kms_problem(signing.key)):
        yield (*path, "key"), wrong
    if signing.method == "kms" and signing.key is None:
        yield (*path, "method"), "kms needs 'key', the key's address as Cosign names it: awskms://…"
    if signing.method == "keyless" and not signing.identities:
        yield (*path, "method"), "keyless needs 'identities': whose signatures count"
    if signing.method in ("key", "keyless") and signing.key is not None:
        yield (*path, "key"), f"is not used by the method {signing.method}; leave one of them out"
    for number, signatory in enumerate(signing.identities):
        at = (*path, "identities", number)
        unusable = list(_check_signatory(at, signatory, allowed=signing.allow_patterns))
        yield from unusable or check_caller(
            at,
            issuer=signatory.issuer,
            subject=signatory.subject,
            pattern=signatory.subject_pattern,
            repository=signatory.repository,
            ref=signatory.ref,
            source=source,
        )
    yield from _check_services(path, signing)
    if signing.format == "legacy" and signing.own_services:
        yield (*path, "format"), "legacy has no place for what Rekor v2 and a timestamp authority say; use bundle"


def _check_signatory(path: KeyPath, signatory: Signatory, *, allowed: bool) -> Iterator[Finding]:
    if (signatory.subject is None) == (signatory.subject_pattern is None):
        yield path, "needs either 'subject', exact, or 'subject_pattern'"
    if urlsplit(signatory.issuer).scheme not in ("https", "http"):
        yield (*path, "issuer"), f"{shown(signatory.issuer)} is no URL; expected for example {GITHUB_ISSUER}"
    if signatory.subject is not None:
        yield from _check_placeholders((*path, "subject"), signatory.subject)
        if re.search(r"[*\\^$]|\.\+", signatory.subject):
            yield (
                (*path, "subject"),
                "is exact, and no signer has such a name; a pattern goes into 'subject_pattern', with"
                " 'allow_patterns: true' beside 'identities'",
            )
    yield from _check_ref((*path, "ref"), signatory)
    if signatory.subject_pattern is not None:
        at = (*path, "subject_pattern")
        if not allowed:
            yield at, "whatever matches could sign; write 'subject', exact, or say 'allow_patterns: true'"
        try:
            re.compile(signatory.subject_pattern)
        except re.error as error:
            yield at, f"is no regular expression: {error}"


def _check_placeholders(path: KeyPath, text: str) -> Iterator[Finding]:
    for name in placeholders(text):
        if name not in PLACEHOLDERS:
            yield path, f"{{{name}}} stands for nothing; expected {{version}} or {{service}}"


def _check_ref(path: KeyPath, signatory: Signatory) -> Iterator[Finding]:
    ref = signatory.ref or "refs/"
    if not ref.startswith("refs/") or re.search(r"[*?\[\\^~:\s]|\.\.", ref):
        yield path, f"{shown(ref)} is no git ref in full; expected for example refs/heads/main"
    elif signatory.subject is not None:
        yield from _check_placeholders(path, ref)
    elif placeholders(ref):
        yield path, "beside a pattern it is exact, and has no placeholder"


def _check_services(path: KeyPath, signing: Signing) -> Iterator[Finding]:
    urls = {"fulcio": signing.fulcio, "rekor": signing.rekor, "timestamp": signing.timestamp}
    for name, url in urls.items():
        if url is not None and (urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname):
            yield (*path, name), f"{shown(url)} is no URL; expected for example https://{name}.example.com"
        if url is not None and signing.signing_config is not None:
            yield (*path, name), "the file of 'signing_config' says which services there are; leave one of them out"
    missing = [name for name, url in urls.items() if url is None]
    if 0 < len(missing) < len(urls):
        yield path, f"an instance of your own needs fulcio, rekor and timestamp; missing: {', '.join(missing)}"
    if signing.own_services and signing.trusted_root is None:
        yield path, "an instance of your own needs 'trusted_root', or nobody could verify what it signed"


def kms_problem(address: str) -> str | None:
    """What is wrong with the address of a key in a KMS; None if nothing is."""
    scheme, found, rest = address.partition("://")
    if found and rest and scheme in KMS_SCHEMES:
        return None
    near = suggestion(f"{scheme}://", [f"{name}://" for name in KMS_SCHEMES]) if found else ""
    return f"expected a key in a KMS: one of {', '.join(f'{name}://…' for name in KMS_SCHEMES)}{near}"
