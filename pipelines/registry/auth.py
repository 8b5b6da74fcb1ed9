"""Credentials as the tools take them: a Docker `config.json`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Login:
    """A user's name and password, or token, at a registry."""

    username: str
    password: str = field(repr=False)


def docker_config(logins: Mapping[str, Login]) -> str:
    """A `config.json` with a login for each registry host (Docker's "config.json properties").

    The text is a secret. Docker Hub's entry goes under the address that its clients look for.
    """
    auths = {}
    for host, login in logins.items():
        name = "https://index.docker.io/v1/" if host in ("docker.io", "index.docker.io") else host
        auths[name] = {"auth": base64.b64encode(f"{login.username}:{login.password}".encode()).decode()}
    return json.dumps({"auths": auths})
