"""A remote engine that is on record: checked at every command, forgotten by `down`."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from ci.local.certificates import check_files, ending_soon
from ci.local.finding import Finding
from ci.local.record import Ledger
from ci.local.remote import Remote
from ci.reach import RUNNER_HOST, check_reachable
from pipelines.errors import SealiftError


def check_remote(remote: Remote, now: datetime) -> None:
    """See that the engine answers; of `kube-pod://`, `ssh://` and `container://` only a session can tell.

    :raises ConfigError: a file is not usable.
    :raises EngineError: the engine does not answer.
    """
    if remote.tls:
        check_files(remote, now)
    check_reachable({RUNNER_HOST: remote.for_dagger})


def reach(ledger: Ledger, remote: Remote) -> str:
    """Check the engine and put it on record; returns the address by which the Dagger client finds it."""
    check_remote(remote, datetime.now(UTC))
    ledger.remote(remote.as_record())
    return remote.for_dagger


def look(remote: Remote) -> Finding:
    """What `doctor` says of it."""
    now = datetime.now(UTC)
    try:
        check_remote(remote, now)
    except SealiftError as error:
        return Finding("fail", error.what, error.remedy)
    if soon := ending_soon(remote, now) if remote.tls else []:
        return Finding("warn", "; ".join(soon), "renew it, and put the new one at the same path")
    asked = urlsplit(remote.address).scheme in {"tls", "tcp", "unix"}
    state = "answers" if asked else "is on record; `sealift up` asks it"
    return Finding("ok", f"the remote engine {remote.address} {state}")
