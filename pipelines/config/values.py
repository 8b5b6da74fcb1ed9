"""Values from text, at the edge. Each parser returns the value, or raises ValueError saying what was expected."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from pipelines.config.problems import suggestion
from pipelines.errors import shown
from pipelines.model import Repository, Tag
from pipelines.versions import parse

# Dagger 0.21.8, engine/client/secretprovider/secretprovider.go
SECRET_SCHEMES: Final = ("env", "file", "cmd", "op", "vault", "libsecret", "gcp", "aws+sm", "aws+ps")
PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")  # Kubernetes, Container.imagePullPolicy
MAX_JOBS: Final = 64

_T = TypeVar("_T")
_ADDRESS = re.compile(r"([a-z0-9+]+)://\S.*")
_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_SPLIT = re.compile(r"[,\s]+")


def parse_registry(text: str) -> str:
    """`host` or `host:port` as the OCI distribution specification has it.

    :raises ValueError: for a scheme, a path or a port out of range, saying where each of them belongs.
    """
    if "://" in text:
        raise ValueError(f"{shown(text)} has a scheme; write host or host:port (plain HTTP is 'insecure: true')")
    if "/" in text:
        raise ValueError(f"{shown(text)} has a path; write host or host:port, and put the path into 'prefix'")
    registry = Repository(registry=text, path="x").registry
    port = registry.rpartition(":")[2] if not registry.endswith("]") and ":" in registry else ""
    if port and not 1 <= int(port) <= 65535:
        raise ValueError(f"{shown(text)} has no port from 1 to 65535")
    return registry


def is_loopback(registry: str) -> bool:
    """Whether `host[:port]` is this machine: localhost, 127.0.0.0/8 or [::1]. Such a registry is spoken to in HTTP."""
    host = registry[1 : registry.index("]")] if registry.startswith("[") else registry.partition(":")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parse_version(text: str) -> str:
    """A semantic version, `v1.2.3` or `1.2.3-rc.1`; returned with its `v`. Source: semver.org, 2.0.0."""
    version = parse(f"v{text.removeprefix('v')}")
    if version is None:
        raise ValueError(f"{shown(text)} is not a semantic version; expected for example v1.2.3 or v1.2.3-rc.1")
    return Tag(f"v{version}")  # and so at most 128 characters


def parse_release(services: Collection[str]) -> Callable[[str], str]:
    """A parser of `v1.2.3`, the version of all services, or `SERVICE/v1.2.3`, that of one."""

    def parse_one(text: str) -> str:
        service, slash, version = text.rpartition("/")
        if not slash:
            return parse_version(text)
        return f"{one_of(services, 'service', 'services')(service)}/{parse_version(version)}"

    return parse_one


def parse_git_sha(text: str) -> str:
    """A git commit, 7 to 40 hexadecimal digits, in lower case."""
    if _SHA.fullmatch(text):
        return text.lower()
    raise ValueError(f"{shown(text)} is not a git commit; expected 7 to 40 hexadecimal digits")


def parse_revision(text: str) -> str:
    """A git revision by name; whether there is one is seen in the repository."""
    if not text.isprintable() or " " in text:
        raise ValueError(f"{shown(text)} is not a git revision; expected a commit, a branch or a tag")
    return text


def parse_pull_policy(text: str) -> str:
    """One of Kubernetes' pull policies."""
    return one_of(PULL_POLICIES, "pull policy", "pull policies")(text)


def parse_jobs(text: str) -> int:
    """How many things run at the same time, 1 to 64."""
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= MAX_JOBS:
        return int(text)
    raise ValueError(f"expected a whole number from 1 to {MAX_JOBS}, found {shown(text)}")


def parse_username(text: str) -> str:
    """A registry's user name: no colon (RFC 7617 ends the name there) and no control characters."""
    if ":" in text or not text.isprintable():
        raise ValueError("a user name has no ':' and no control characters")
    return text


def parse_secret_address(text: str) -> str:
    """Where a secret is found, as Dagger reads it: `env://NAME`, `file://PATH`, …

    :raises ValueError: if it is no address. The message never repeats the text, which may be the secret itself.
    """
    found = _ADDRESS.fullmatch(text)
    if found and found[1] in SECRET_SCHEMES:
        return text
    hint = suggestion(f"{found[1]}://", [f"{scheme}://" for scheme in SECRET_SCHEMES]) if found else ""
    schemes = ", ".join(f"{scheme}://" for scheme in SECRET_SCHEMES)
    raise ValueError(f"expected where the secret is found, not the secret: one of {schemes}{hint}")


def secret_address(name: str, text: str) -> str:
    """The address of a secret that a variable gives: the variable's value if that is an address, else the variable.

    :raises ValueError: if the variable names itself.
    """
    if text == f"env://{name}":
        raise ValueError("names itself; put the secret there, or another address such as file://PATH")
    try:
        return parse_secret_address(text)
    except ValueError:
        return f"env://{name}"


def parse_tag(text: str) -> Tag:
    """An image tag."""
    return Tag(text)


def one_of(options: Collection[str], kind: str, kinds: str) -> Callable[[str], str]:
    """A parser that takes one of the options, and otherwise says which is near and which there are."""

    def parse(text: str) -> str:
        if text in options:
            return text
        near = suggestion(text, options) or ";"
        raise ValueError(f"no such {kind}: {shown(text)}{near} {kinds}: {', '.join(options)}")

    return parse


def split(text: str) -> list[str]:
    """The parts of a list that is separated by commas or spaces."""
    return [part for part in _SPLIT.split(text) if part]
