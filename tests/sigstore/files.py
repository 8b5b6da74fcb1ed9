"""The two files that tell Cosign of a Sigstore: the signing config, whom to ask, and the trusted root, whom to believe.

What Cosign 3.1.3 makes of them, read in it and in sigstore-go 1.2.2 (`pkg/verify/tlog.go`), and tried:

- A log's entry names the log by an id, by which Cosign finds the log in the trusted root: for Ed25519 the hash of the
  log's own name (Rekor's `--hostname`; `origin=` here) and its key, for ECDSA that of the key alone. The checkpoint is
  then verified under the host name of the log's `url` in the trusted root, without its port. So this host name must be
  the log's own name.
- To which address the entry was sent is compared with nothing. The signing config may name the log, Fulcio and the
  timestamp authority as whoever signs reaches them: other hosts, a relay, a tunnel. The trusted root stays as it is.
- The other `url`s of the trusted root are for people only.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ci.local.machine import make_setup
from ci.local.toolchain import COSIGN, tool_folder
from tests.sigstore.keys import START, Keys
from tests.sigstore.services import ORIGIN, Service

_SINCE = f"start-time={START:%Y-%m-%dT%H:%M:%SZ}"


def trusted_root(path: Path, keys: Keys, services: Mapping[str, Service]) -> Path:
    """Write a trusted root for services with these keys, at their addresses.

    :param services: of `fulcio`, `ctfe`, `rekor` and `tsa` those that there are.
    """
    files = {
        "fulcio": f"certificate-chain={keys.ca_chain}",
        "ctfe": f"public-key={keys.ct_public},origin={ORIGIN}",
        "rekor": f"public-key={keys.log_public},origin={ORIGIN}",
        "tsa": f"certificate-chain={keys.tsa_chain}",
    }
    said = {name: f"url={service.url},{_SINCE},{files[name]}" for name, service in services.items()}
    _cosign("trusted-root", path, [f"--{name}={value}" for name, value in said.items()])
    return path


def signing_config(path: Path, *, issuer: str, fulcio: str, rekor: str, tsa: str) -> Path:
    """Write a signing config for services at these `host:port`; one of each is enough."""
    services = {
        "oidc-provider": (issuer, 1),
        "fulcio": (fulcio, 1),
        "rekor": (rekor, 2),
        "tsa": (f"{tsa}/api/v1/timestamp", 1),
    }
    options = [
        f"--{name}=url=http://{address},api-version={version},{_SINCE},operator=tests"
        for name, (address, version) in services.items()
    ]
    _cosign("signing-config", path, [*options, "--rekor-config=ANY", "--tsa-config=ANY"])
    return path


@cache
def cosign() -> Path:
    """The program, built on first use."""
    return tool_folder(make_setup(os.environ, print), COSIGN) / "cosign"


def _cosign(kind: str, path: Path, options: list[str]) -> None:
    subprocess.run([cosign(), kind, "create", *options, f"--out={path}"], check=True, stdin=subprocess.DEVNULL)
