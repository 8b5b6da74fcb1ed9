"""Credentials as the tools take them: a Docker `config.json`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable


def docker_config(hosts: Iterable[str], *, username: str, password: str) -> str:
    """A `config.json` with one login for the named registry hosts (Docker's "config.json properties").

    The text is a secret. Docker Hub's entry goes under the address that its clients look for.
    """
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    names = ["https://index.docker.io/v1/" if host in ("docker.io", "index.docker.io") else host for host in hosts]
    return json.dumps({"auths": {name: {"auth": token} for name in names}})
