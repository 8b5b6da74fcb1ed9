"""The three files by which a client and an engine know each other: readable, in date, and belonging together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ci.local.remote import OPTIONS, Remote
from pipelines.errors import ConfigError

SOON = timedelta(days=14)


def check_files(remote: Remote, now: datetime) -> None:
    """See that the files of a `tls://` engine can be used.

    :raises ConfigError: with everything that is wrong: file, what it is, date.
    """
    wrong: list[str] = []
    found = {name: _certificates(name, getattr(remote, name), now, wrong) for name in ("ca", "cert")}
    try:
        key = load_pem_private_key(Path(remote.key).read_bytes(), password=None)
        if found["cert"] and found["cert"][0].public_key() != key.public_key():
            wrong.append(f"{remote.key} ({OPTIONS['key']}) is not the key of {remote.cert}")
    except OSError as error:
        wrong.append(f"{remote.key} ({OPTIONS['key']}): {error.strerror}")
    except (ValueError, TypeError):
        # TypeError: it is encrypted, and a proxy that runs by itself has nobody to ask.
        wrong.append(f"{remote.key} ({OPTIONS['key']}) holds no unencrypted private key in PEM")
    if wrong:
        raise ConfigError(
            "\n".join([f"the files for {remote.address} cannot be used:", *(f"  {line}" for line in wrong)]),
            remedy="replace each file that is named, at the same path or with the option beside it",
            step="engine",
        )


def ending_soon(remote: Remote, now: datetime) -> list[str]:
    """The files that will have expired in 14 days, each with its date. They were checked."""
    dates = {
        path: min(item.not_valid_after_utc for item in x509.load_pem_x509_certificates(Path(path).read_bytes()))
        for path in (remote.ca, remote.cert)
    }
    return [f"{path} expires on {_day(end)}" for path, end in dates.items() if end - now < SOON]


def _certificates(name: str, path: str, now: datetime, wrong: list[str]) -> list[x509.Certificate]:
    where = f"{path} ({OPTIONS[name]})"
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        wrong.append(f"{where}: {error.strerror}")
        return []
    except ValueError:
        wrong.append(f"{where} holds no certificate in PEM")
        return []
    for item in found:
        if item.not_valid_after_utc < now:
            wrong.append(f"{where}: the certificate expired on {_day(item.not_valid_after_utc)}")
        if item.not_valid_before_utc > now:
            wrong.append(
                f"{where}: the certificate is valid from {_day(item.not_valid_before_utc)} on; it is {_day(now)}"
            )
    return found


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
