"""What an identity token says, and whether what is signed with it can be verified afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jwt

from pipelines.config import Settings
from pipelines.config.signing import Signatory
from pipelines.errors import ConfigError, SigningError
from pipelines.trust import PLACEHOLDERS

GIVEN = "SIGNING_TOKEN"
_ANY = re.compile("|".join(re.escape(re.escape(f"{{{name}}}")) for name in PLACEHOLDERS))


def claims_of(token: str) -> Mapping[str, Any]:
    """What a token says. Nobody is believed for it: Fulcio checks its signature.

    :raises SigningError: it is no identity token. The message does not repeat it.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token, options={"verify_signature": False, "verify_aud": False, "verify_exp": False}
        )
        return {"exp": 0, **claims, "iss": str(claims["iss"])}
    except (jwt.PyJWTError, LookupError) as error:
        raise SigningError(
            f"what is given as an identity token is none: {type(error).__name__}",
            remedy=f"let {GIVEN} say where a token of OpenID Connect is found (file://PATH or env://NAME)",
            step="key",
        ) from None


def check_claims(claims: Mapping[str, Any], settings: Settings, *, now: float) -> None:
    """See that what is signed with this token can be verified afterwards, and that it may be said in public.

    :raises ConfigError: the identity is not one of those that count, or its repository is private and nobody has agreed
        to its name in a public log.
    :raises SigningError: the token has expired.
    """
    if float(claims["exp"]) <= now:
        raise SigningError(
            f"the identity token has expired {now - float(claims['exp']):.0f} s ago",
            remedy="ask for a new one just before signing; in GitHub Actions leave that to Sealift, and set no token",
            step="key",
        )
    signing = settings.signing
    issuers = sorted({item.issuer for item in signing.identities})
    if claims["iss"] not in issuers:
        raise ConfigError(
            f"this run would sign as somebody whom {claims['iss']} vouches for, and nobody could verify it:"
            f" 'signing.identities' has only the issuer {', '.join(issuers)}",
            remedy="name its issuer and subject in 'signing.identities' of sealift.yaml",
            step="key",
        )
    if not any(_may_be(item, claims) for item in signing.identities):
        counting = ", ".join(
            _shown(item.subject or item.subject_pattern or "", item.repository, item.ref) for item in signing.identities
        )
        this = str(claims.get("job_workflow_ref") or claims.get("sub"))
        raise ConfigError(
            f"this run would sign as {_shown(this, claims.get('repository'), claims.get('ref'))}, and nobody could"
            f" verify it: 'signing.identities' has only {counting}",
            remedy="if this job may release, name it in 'signing.identities' of sealift.yaml: the workflow as"
            " 'subject', and of a reusable one the caller's 'repository' and 'ref'",
            step="key",
        )
    visibility = claims.get("repository_visibility")
    if not signing.own_services and visibility not in (None, "public") and not signing.public_log:
        raise ConfigError(
            f"{claims.get('repository', 'the repository')} is {visibility}, and its name, its workflow's name and the"
            " digests of its images would become public for ever: the public transparency log keeps every signature",
            remedy="say 'public_log: true' in 'signing' of sealift.yaml, or name an instance of your own there"
            " (fulcio, rekor, timestamp, trusted_root)",
            step="key",
        )


def _may_be(item: Signatory, claims: Mapping[str, Any]) -> bool:
    """Whether this identity may be the token's. What a placeholder stands for, and what a pattern matches, is seen when

    what was signed is verified.
    """
    if item.issuer != claims["iss"] or item.repository not in (None, claims.get("repository")):
        return False
    if item.ref is not None and not _stands_for(item.ref, claims.get("ref")):
        return False
    workflow = claims.get("job_workflow_ref")
    # Before it, the subject has the server, which no claim names.
    path = (item.subject or "").partition("://")[2].partition("/")[2]
    return item.subject is None or workflow is None or _stands_for(path, workflow)


def _stands_for(text: str, claim: object) -> bool:
    return re.fullmatch(_ANY.sub(".+", re.escape(text)), str(claim)) is not None


def _shown(subject: str, repository: object, ref: object) -> str:
    job = f" in a job of {repository}" if repository else ""
    return f"{subject}{job}{f' at {ref}' if ref else ''}"


def workflow_of(claims: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """URI of the workflow that decides over the job, as Fulcio names it; None if the token is not GitHub's.

    For a job of a reusable workflow, GITHUB_WORKFLOW_REF is another: the caller's.
    """
    workflow = claims.get("job_workflow_ref")
    return f"{environ.get('GITHUB_SERVER_URL') or 'https://github.com'}/{workflow}" if workflow else None
