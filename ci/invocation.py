"""What is attested of the run itself, from the variables and the repository: builder, run, and deciding files."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from ci.addresses import INSIDE
from pipelines.config.load import FILE
from pipelines.invocation import COMMAND_LINE, DAGGER_MODULE, Invocation
from pipelines.lock import FILE as LOCK

_GITHUB: Final = {
    "event": "GITHUB_EVENT_NAME",
    "repositoryId": "GITHUB_REPOSITORY_ID",
    "ownerId": "GITHUB_REPOSITORY_OWNER_ID",
    "runner": "RUNNER_ENVIRONMENT",
}
"""What an attestation says of a run on GitHub Actions → the variable (GitHub's "Variables reference")."""


OWN_WORKFLOW: Final = "SEALIFT_WORKFLOW_REF"
"""By which a job of a reusable workflow says what GitHub's GITHUB_WORKFLOW_REF does not: the called workflow."""


def invocation(environ: Mapping[str, str], root: Path, *, ignores: str | None = None) -> Invocation:
    """This run. The variables are believed as they are: whoever has the signing key can set them. What signs as a job
    of GitHub Actions has the workflow from its token: see `Invocation.by`.

    :param ignores: file of what is ignored for a time, from the root.
    """
    files = {name: digest for name in (FILE, LOCK, ignores) if name and (digest := _digest(root / name))}
    workflow = environ.get(OWN_WORKFLOW) or environ.get("GITHUB_WORKFLOW_REF")
    if environ.get("GITHUB_ACTIONS") == "true" and workflow:
        server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
        repository = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}"
        run = f"{repository}/actions/runs/{environ.get('GITHUB_RUN_ID', '')}"
        return Invocation(
            builder=f"{server}/{workflow}",
            version=sealift_version(),
            id=f"{run}/attempts/{environ.get('GITHUB_RUN_ATTEMPT', '1')}",
            repository=repository,
            ref=environ.get("GITHUB_REF"),
            platform={name: environ[variable] for name, variable in _GITHUB.items() if environ.get(variable)},
            files=files,
        )
    builder = DAGGER_MODULE if INSIDE in environ else COMMAND_LINE
    return Invocation(builder=builder, version=sealift_version(), files=files)


def _digest(path: Path) -> str | None:
    """None if there is no such file."""
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except FileNotFoundError:
        return None


def sealift_version() -> str:
    """Sealift's version, of the installed package or, in the module's container, of the source."""
    try:
        return metadata.version("sealift")
    except metadata.PackageNotFoundError:
        text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])
