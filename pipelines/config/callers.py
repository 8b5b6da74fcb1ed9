"""Whose job an identity is: a workflow may be called by other repositories than its own, and then its subject is alike.

GitHub's tokens have the workflow in `job_workflow_ref` and the caller in `repository` (its documentation, "OpenID
Connect reference"); Fulcio makes the certificate's subject of the first, and an extension of the second
(sigstore/fulcio, docs/oid-info.md). A public reusable workflow can be called by everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pipelines.config.problems import Finding, KeyPath
from pipelines.errors import shown
from pipelines.trust import GITHUB_ISSUER, WORKFLOWS

_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SSH: Final = re.compile(r"(?:ssh://)?[\w.-]+@(?P<host>[\w.-]+)[:/](?P<path>.+)", re.ASCII)
_CALLED: Final = "a workflow can be called by other repositories, and whoever calls it signs alike"
_SAY: Final = "say whose job it has to be: 'repository: OWNER/NAME'"


def place_of(source: str) -> str | None:
    """`host/OWNER/NAME` of a repository's URL, in lower case, as GitHub compares; None if it says no such thing."""
    ssh = _SSH.fullmatch(source)
    host, path = (ssh["host"], ssh["path"]) if ssh else (urlsplit(source).hostname or "", urlsplit(source).path)
    name = path.strip("/").removesuffix(".git")
    return f"{host}/{name}".lower() if host and _REPOSITORY.fullmatch(name) else None


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
    text = subject if subject is not None else (pattern or "").replace("\\", "")
    workflow = WORKFLOWS in text
    if repository is not None and not _REPOSITORY.fullmatch(repository):
        yield (*path, "repository"), f"{shown(repository)} is no repository of GitHub; expected OWNER/NAME"
    elif (repository or ref) and subject is not None and not workflow:
        key = "repository" if repository else "ref"
        yield (*path, key), f"only certificates of GitHub Actions name a {key}, and this subject is of none"
    # A pattern of GitHub's that names no workflow matches those of any.
    elif repository is None and (workflow or (subject is None and issuer.startswith(GITHUB_ISSUER))):
        key, own = "subject" if subject is not None else "subject_pattern", place_of(source)
        begins = urlsplit(text)
        if own is None:
            yield (*path, key), f"{_CALLED}; 'source', {shown(source)}, does not tell whether it is its own; {_SAY}"
        elif not f"{begins.netloc}{begins.path}".lower().startswith(f"{own}/"):
            yield (*path, key), f"is not of {own}, the 'source': {_CALLED}; {_SAY}"
