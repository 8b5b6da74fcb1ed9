"""Whose job an identity is: a workflow may be called by other repositories than its own, and then its subject is alike.

GitHub's tokens have the workflow in `job_workflow_ref` and the caller in `repository` (its documentation, "OpenID
Connect reference"); Fulcio makes the certificate's subject of the first, and an extension of the second
(sigstore/fulcio, docs/oid-info.md). A public reusable workflow can be called by everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipelines.config.problems import Finding, KeyPath
from pipelines.errors import shown
from pipelines.trust import GITHUB_ISSUER, WORKFLOWS

_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SOURCE: Final = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[\w.:-]+)/|[\w.-]+@(?P<ssh>[\w.-]+):)(?P<path>.+)", re.ASCII
)
_HTTPS: Final = re.compile(r"\^?https://(.*)", re.DOTALL)
_CALLED: Final = "a workflow can be called by other repositories, and whoever calls it signs alike"
_SAY: Final = "say whose job it has to be: 'repository: OWNER/NAME'"


def place_of(source: str) -> str | None:
    """`host/OWNER/NAME` of a repository's URL, in lower case, as GitHub compares; None if it says no such thing."""
    found = _SOURCE.fullmatch(source)
    name = found["path"].strip("/").removesuffix(".git") if found else ""
    return f"{found['host'] or found['ssh']}/{name}".lower() if found and _REPOSITORY.fullmatch(name) else None


def _alternatives(pattern: str) -> list[str]:
    """What a regular expression has between its outermost bars; where that is hard to tell, in too many pieces."""
    found, depth = [""], 0
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "|" and depth == 0:
            found.append("")
        else:
            # Escaped, a point is itself; a letter is a class of characters.
            found[-1] += piece if piece[-1].isalnum() else piece[-1]
    return found


def _is_of(text: str, own: str) -> bool:
    """Whether a subject, or the beginning of a pattern, is a workflow of this repository."""
    found = _HTTPS.fullmatch(text)
    return found is not None and found[1].lower().startswith(f"{own}/")


def check_caller(
    path: KeyPath,
    *,
    issuer: str,
    subject: str | None,
    pattern: str | None,
    repository: str | None,
    ref: str | None,
    source: str,
) -> Iterator[Finding]:
    """What is wrong with the repository of one identity, or with its not being there.

    :param source: URL of the repository that is released.
    """
    texts = [subject] if subject is not None else _alternatives(pattern or "")
    workflow = any(WORKFLOWS in text for text in texts)
    if repository is not None and not _REPOSITORY.fullmatch(repository):
        yield (*path, "repository"), f"{shown(repository)} is no repository of GitHub; expected OWNER/NAME"
    elif (repository or ref) and subject is not None and not workflow:
        key = "repository" if repository else "ref"
        yield (*path, key), f"only certificates of GitHub Actions name a {key}, and this subject is of none"
    # A pattern of GitHub's that names no workflow matches those of any.
    elif repository is None and (workflow or (subject is None and issuer.startswith(GITHUB_ISSUER))):
        key, own = "subject" if subject is not None else "subject_pattern", place_of(source)
        if own is None:
            yield (*path, key), f"{_CALLED}; 'source', {shown(source)}, does not tell whether it is its own; {_SAY}"
        elif not all(_is_of(text, own) for text in texts):
            yield (*path, key), f"is not of {own}, the 'source': {_CALLED}; {_SAY}"
