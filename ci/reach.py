"""Whether the engine that the environment names is there at all: the Dagger CLI itself would ask for minutes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from ci.handshake import check_handshake
from pipelines.errors import EngineError

RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
_SECONDS = 10


def check_reachable(environ: Mapping[str, str]) -> None:
    """Connect once to an engine that is named by `tls://`, `tcp://` or `unix://`; others are the CLI's to find.

    :raises EngineError: nothing answers there.
    """
    host = environ.get(RUNNER_HOST, "")
    parts = urlsplit(host)
    if parts.scheme == "tls":
        check_handshake(host)
        return
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_SECONDS).close()
        elif parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_SECONDS)
                client.connect(parts.path)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Dagger engine answers at {host}: {error}",
            remedy=f"start it, or unset {RUNNER_HOST} to let Sealift start one; 'sealift doctor' says more",
        ) from error


def reachable(environ: Mapping[str, str]) -> bool:
    """Whether the engine answers, as far as that can be told."""
    try:
        check_reachable(environ)
    except EngineError:
        return False
    return True
