"""Whose signatures count, where the command line says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from ci.registry_ground import Registries
from pipelines.config import read_signing, trust_of
from pipelines.config.files import read_text
from pipelines.config.signing import Signatory
from pipelines.errors import ConfigError
from pipelines.statements import fingerprint
from pipelines.trust import GITHUB_ISSUER, Trust


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whose signatures count, if the command line says so and not the configuration."""

    identity: str | None
    issuer: str | None
    key: Path | None
    trusted_root: Path | None
    repository: str | None
    ref: str | None

    def check(self) -> None:
        """:raises click.UsageError: these flags do not go together."""
        if self.key and (self.identity or self.issuer or self.trusted_root):
            raise click.UsageError("--key and --identity are two ways to say who signed; give one of them")
        if self.issuer and not self.identity:
            raise click.UsageError("--issuer says who vouches for an --identity; give both")
        if (self.repository or self.ref) and not self.identity:
            raise click.UsageError("--repository and --ref say whose job an --identity is; give it too")

    def trust(self, root: Path, found: Registries) -> Trust | None:
        """:raises ConfigError: a file cannot be used."""
        if self.key is not None:
            return Trust(public=_public(self.key))
        if self.identity is None:
            return None
        issuer = self.issuer or GITHUB_ISSUER
        who = Signatory(issuer=issuer, subject=self.identity, repository=self.repository, ref=self.ref)
        change: dict[str, object] = {"identities": [who]}
        if self.trusted_root is not None:
            change["trusted_root"] = str(self.trusted_root.absolute())
        signing = found.settings.signing.model_copy(update=change)
        return trust_of(signing, read_signing(root.resolve(), signing))


def _public(path: Path) -> str:
    text, problems = read_text(path, str(path))
    try:
        fingerprint(text or "")
    except ValueError as error:
        what = "; ".join(map(str, problems)) or f"{path}: {error}"
        raise ConfigError(
            what, remedy="name a public key in PEM: what 'cosign public-key' prints", step="key"
        ) from error
    return text or ""
