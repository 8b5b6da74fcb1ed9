"""Which secrets the repository's files may ask this machine for: those that its environment names, and no others.

`sealift.yaml` says where a build secret is found, and may be another person's: of a fork, of a branch that is only
looked at. Whoever runs it says by a variable which addresses are read; without it, none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipelines.config.load import LoadedConfig
from pipelines.config.problems import Problem
from pipelines.config.values import split

ALLOW = "SEALIFT_ALLOW_SECRETS"
GIVEN = "SEALIFT_BUILD_SECRETS"
"""Names a file of secrets by their ids, which needs no permission: it is the machine's own."""


def objection(environ: Mapping[str, str], address: str) -> str:
    """Why a secret's address in the repository's files is not read here; empty if it is."""
    if address in split(environ.get(ALLOW, "")):
        return ""
    return f"this machine gives no build {address}: if that is right, set {ALLOW}={address}, in the environment or .env"


def check_allowed(loaded: LoadedConfig, services: Iterable[str], environ: Mapping[str, str]) -> Iterator[Problem]:
    """What the services' build secrets ask for without permission. Reads no secret.

    What the file of SEALIFT_BUILD_SECRETS has is not known before the engine reads it, and is judged then.
    """
    if environ.get(GIVEN):
        return
    for name in services:
        for secret, address in loaded.config.services[name].secrets.items():
            if why := objection(environ, address):
                yield loaded.document.problem(("services", name, "secrets", secret), why)
