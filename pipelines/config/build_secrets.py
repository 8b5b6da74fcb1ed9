"""What concerns build secrets, over all services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.config.problems import Finding
from pipelines.config.schema import Config
from pipelines.config.values import parse_secret_address

_ID = re.compile(r"[A-Za-z0-9_.-]+")
"""Neither what ends an id in a Dockerfile's `--mount`, nor the colon that is in the names of Sealift's own secrets."""


def check_build_secrets(config: Config) -> Iterator[Finding]:
    """An id that can be written, an address, and the same one for the same id.

    The engine knows a secret by its name, which is the id: of two values the later one would be given to both services.
    """
    first: dict[str, tuple[str, str]] = {}
    for name, service in config.services.items():
        for secret, address in service.secrets.items():
            path = ("services", name, "secrets", secret)
            if not _ID.fullmatch(secret):
                yield path, "expected an id of letters, digits, '.', '_' and '-'"
            try:
                parse_secret_address(address)
            except ValueError as error:
                yield path, str(error)
            if address.startswith("cmd://"):
                yield path, "a command in a file of the repository is not run on this machine"
            other, elsewhere = first.setdefault(secret, (name, address))
            if elsewhere != address:
                yield path, f"{other} finds the secret of this id elsewhere; two secrets need two ids"
