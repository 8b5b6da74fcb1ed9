"""placeholder"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.registry.answers import Meaning


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is known of one kind of registry."""

    id: str
    name: str
    host: str
    catalog: bool = True
    login_host: str = ""
    token_user: str | None = None

    def advice(self, found: Meaning, _text: str) -> str:
        """What to do about a refusal."""
        return found.value


def kind_of(registry: str) -> Kind:
    """The kind of a registry, by its host."""
    return Kind(id="self-hosted", name="self-hosted registry", host=registry, login_host=registry)
