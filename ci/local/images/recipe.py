"""How a rebuilt image is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ci.local.images.oci import Entry
from ci.local.setup import Setup

BOTH = ("amd64", "arm64")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Contents = Callable[[Setup, str], Sequence[Entry]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """:param names: complete references; the first is the image's own name, the others are further tags of it.

    :param title: what it stands in for, for the image's label.
    :param packages: Debian packages of its first layer.
    :param accounts: users of its own, as lines of /etc/passwd.
    :param contents: what is laid over them, for an architecture.
    :param config: OCI image configuration.
    :param platforms: architectures; empty means this machine's only (tools run on the engine's platform).
    :param facts: further inputs that `contents` depends on, such as a tool's version.
    """

    names: tuple[str, ...]
    title: str
    packages: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    contents: Contents
    config: Mapping[str, object] = field(default_factory=dict)
    platforms: tuple[str, ...] = BOTH
    facts: tuple[str, ...] = ()
