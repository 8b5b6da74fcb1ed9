"""What a user names an image by: `web`, `web:v1.2.3`, `web@sha256:…`. Parsed at the edge."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipelines.config.problems import suggestion
from pipelines.errors import ConfigError, shown
from pipelines.model import Digest, Tag


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A service, and which of its images; neither tag nor digest is the newest."""

    service: str
    tag: Tag | None = None
    digest: Digest | None = None

    @property
    def suffix(self) -> str:
        """`:TAG`, `@DIGEST` or nothing."""
        return f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else ""


def parse_reference(text: str, services: Collection[str]) -> Reference:
    """:raises ConfigError: it names no service, or what is behind it is no tag or digest."""
    name, at, digest = text.partition("@")
    tag = ""
    if not at:
        name, _, tag = text.partition(":")
    try:
        if name not in services:
            near = suggestion(name, services) or ";"
            raise ValueError(f"no such service: {shown(name)}{near} services: {', '.join(services)}")
        if at:
            return Reference(service=name, digest=Digest(digest))
        return Reference(service=name, tag=Tag(tag) if ":" in text else None)
    except ValueError as error:
        raise ConfigError(str(error), remedy="give SERVICE, SERVICE:TAG or SERVICE@DIGEST", step="config") from error
