"""An engine on another machine: how it is named, and what has to be right before it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from pipelines.errors import ConfigError, shown

SCHEMES = (
    *("tls", "tcp", "unix", "ssh", "kube-pod"),
    *("container", "container+docker", "container+podman", "container+nerdctl", "docker-container"),
)
"""Those of Dagger 0.21.8 (engine/client/drivers) for an engine that runs already."""
OPTIONS = {"ca": "--engine-ca", "cert": "--engine-cert", "key": "--engine-key"}
_STEP = "engine"


@dataclass(frozen=True, kw_only=True)
class Remote:
    """:param address: `tls://host:port`, or as Dagger names an engine.

    :param ca: file of the authority that signed the engine's certificate; PEM, as the other two. Only with `tls://`.
    :param cert: file of this client's certificate.
    :param key: file of its private key.
    """

    address: str
    ca: str = ""
    cert: str = ""
    key: str = ""

    @property
    def tls(self) -> bool:
        return self.address.startswith("tls://")

    @property
    def for_dagger(self) -> str:
        """The address as the Dagger client takes it: it reads the files itself (0.21.8: drivers/tls.go)."""
        files = {"ca_path": self.ca, "cert_path": self.cert, "key_path": self.key}
        return f"{self.address}?{urlencode(files)}" if self.tls else self.address

    def as_record(self) -> dict[str, str]:
        return asdict(self)


def remote_from_record(known: Mapping[str, str]) -> Remote | None:
    """What `as_record` wrote; None if nothing is recorded."""
    return Remote(**known) if known else None


def remote_engine(
    address: str | None, *, ca: str | None = None, cert: str | None = None, key: str | None = None
) -> Remote | None:
    """The engine that the options name; None if they name none.

    :raises ConfigError: they do not fit together; with everything that is wrong.
    """
    given = {"ca": ca, "cert": cert, "key": key}
    named = [OPTIONS[name] for name, path in given.items() if path]
    if address is None:
        if named:
            raise ConfigError(f"{', '.join(named)} without --engine", remedy="add --engine tls://HOST:PORT", step=_STEP)
        return None
    wrong = _address_faults(address)
    if address.startswith("tls://"):
        wrong += [f"a tls:// engine needs {OPTIONS[name]} FILE" for name, path in given.items() if not path]
    elif named:
        wrong.append(f"{', '.join(named)}: only a tls:// engine takes certificates")
    wrong += [
        f"{OPTIONS[name]}: {shown(path)} has a line break" for name, path in given.items() if path and _breaks(path)
    ]
    if wrong:
        remedy = "name the engine as docs/engines.md says, for example --engine tls://engine.example.com:8443"
        raise ConfigError("\n".join(["--engine cannot be used:", *(f"  {line}" for line in wrong)]), remedy=remedy)
    return Remote(
        address=address, **{name: str(Path(path).expanduser().absolute()) for name, path in given.items() if path}
    )


def _breaks(text: str) -> bool:
    return not text.isprintable()


def _address_faults(address: str) -> list[str]:
    if _breaks(address) or " " in address:
        return [f"{shown(address)} has characters that no address has"]
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return [f"{shown(address)}: {error}"]
    network = parts.scheme in {"tls", "tcp"}
    faults = {
        f"an address begins with one of {', '.join(f'{name}://' for name in SCHEMES)}": parts.scheme not in SCHEMES,
        "an address holds no password": bool(parts.password),
        f"it is to be {parts.scheme}://HOST:PORT": network
        and not (host and port and not parts.path and not parts.query),
        "it is to be unix:///ABSOLUTE/PATH": parts.scheme == "unix" and (bool(host) or len(parts.path) < 2),
        "it does not say where": not parts.netloc and not parts.path,
    }
    return [
        f"{shown(address.replace(f':{parts.password}@', ':…@'))}: {what}" for what, found in faults.items() if found
    ]
