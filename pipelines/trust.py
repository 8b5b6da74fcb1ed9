"""Whose signatures count: those of a key, or those of identities that Fulcio has put into a certificate. Pure.

Identities are exact. `{service}` and `{version}` in one stand for what an image says of itself (its annotation
`org.opencontainers.image.version`, which is signed): a workflow that releases git tags has another identity for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pipelines.model import Sealed
from pipelines.versions import parse

GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
"""Who signs GitHub Actions' identity tokens (GitHub's documentation, "OpenID Connect")."""

SIGNATURE: Final = "https://sigstore.dev/cosign/sign/v1"
"""The predicate type of what `cosign sign` says of a digest (sigstore/cosign, pkg/types, `CosignSignPredicateType`).

It is asked for as such: in the bundle format, `cosign verify` is content with any statement that the key has signed,
and so with an image whose SBOM is attested, but which nobody has signed.
"""

WORKFLOWS: Final = "/.github/workflows/"
"""What stands between repository and file in the subject of a job of GitHub Actions (sigstore/fulcio, docs/oid-info.md:
the server and the token's `job_workflow_ref`)."""

PLACEHOLDERS: Final = ("service", "version")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(subject: str) -> list[str]:
    """The names in braces, as they stand there."""
    return _PLACEHOLDER.findall(subject)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who may sign, as Fulcio's certificates name it.

    :param subject: the certificate's subject alternative name, as in `https://github.com/OWNER/REPOSITORY/.github/
        workflows/release.yml@refs/heads/main`; with placeholders.
    :param pattern: the subject is a regular expression (RE2) that has to match as a whole.
    :param repository: `OWNER/NAME` whose job it has to be; None: of whichever repository. The subject of a job in a
        reusable workflow names the workflow's repository, and not the one that calls it.
    :param ref: git ref that the job has to be about, with placeholders unless the subject is a pattern; None: of any.
    """

    issuer: str
    subject: str
    pattern: bool = False
    repository: str | None = None
    ref: str | None = None

    def of(self, service: str, version: str | None) -> Party | None:
        """Who that is for one image; None if it names a version, and the image is of none."""
        if self.pattern:
            expression = f"^(?:{self.subject})$"
            return Party(issuer=self.issuer, pattern=expression, repository=self.repository, ref=self.ref)
        named = {*placeholders(self.subject), *placeholders(self.ref or "")}
        if "version" in named and (version is None or parse(version) is None):
            return None
        values = {"service": service, "version": version or ""}

        def filled(text: str) -> str:
            return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

        ref = None if self.ref is None else filled(self.ref)
        return Party(issuer=self.issuer, subjects=(filled(self.subject),), repository=self.repository, ref=ref)


@dataclass(frozen=True, kw_only=True)
class Party:
    """Identities of one issuer, of which each may have signed.

    :param subjects: exact; none if there is a pattern.
    :param repository: whose job all of them have to be.
    :param ref: git ref that their jobs have to be about.
    """

    issuer: str
    subjects: tuple[str, ...] = ()
    pattern: str | None = None
    repository: str | None = None
    ref: str | None = None

    @property
    def expression(self) -> str:
        """A regular expression (RE2) that matches these subjects, and nothing else."""
        return self.pattern if self.pattern is not None else f"^(?:{'|'.join(map(re.escape, self.subjects))})$"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whose signatures count.

    :param public: PEM of a public key; None where identities count.
    :param root: a trusted root, JSON (sigstore/protobuf-specs, `TrustedRoot`); None for the public instance's.
    :param certificates_logged: the root has a log of certificates, and so each certificate must be in it.
    :param legacy: signatures have the format from before Sigstore bundles.
    """

    public: str | None = None
    identities: tuple[Identity, ...] = ()
    root: str | None = None
    certificates_logged: bool = True
    legacy: bool = False

    def parties(self, sealed: Iterable[Sealed]) -> tuple[Party, ...]:
        """Who may have signed these, together where they differ in the subject alone; none if a key counts, or nobody

        may have.
        """
        images, patterns = list(sealed), [identity.of("", None) for identity in self.identities if identity.pattern]
        exact: dict[Party, dict[str, None]] = {}
        for identity in self.identities:
            for one in images if not identity.pattern else ():
                if party := identity.of(one.service, one.version):
                    exact.setdefault(replace(party, subjects=()), {}).update(dict.fromkeys(party.subjects))
        found = (replace(party, subjects=tuple(subjects)) for party, subjects in exact.items())
        return (*found, *(party for party in patterns if party))
