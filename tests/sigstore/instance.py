"""A whole Sigstore on the loopback: issuer of identities, Fulcio, its log of certificates, Rekor v2, timestamps."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.sigstore import files, services
from tests.sigstore.issuer import LIFETIME, REF, REPOSITORY, WORKFLOW, Issuer, issuer
from tests.sigstore.keys import Keys
from tests.sigstore.services import Service


def identity_of(repository: str = REPOSITORY, ref: str = REF) -> str:
    """The subject of the certificate that Fulcio gives to a job of this repository at this ref."""
    return f"https://github.com/{repository}/{WORKFLOW}@{ref}"


@dataclass(frozen=True, kw_only=True)
class Sigstore:
    """The services, and the files that describe them.

    :param trusted_root: whom to believe, for those who verify.
    """

    folder: Path
    keys: Keys
    issuer: Issuer
    fulcio: Service
    ctfe: Service
    rekor: Service
    tsa: Service
    trusted_root: Path

    identity = identity_of()
    """Of a token that is asked for without claims."""

    @property
    def services(self) -> dict[str, Service]:
        """All that are processes."""
        return {"fulcio": self.fulcio, "ctfe": self.ctfe, "rekor": self.rekor, "tsa": self.tsa}

    def token(self, *, seconds: int = LIFETIME, **claims: object) -> str:
        """A token as GitHub gives it to a job: see `Issuer.token`."""
        return self.issuer.token(seconds=seconds, **claims)

    @cached_property
    def signing_config(self) -> Path:
        """Whom to ask, for those who sign."""
        return self.through()

    def through(self, **addresses: str) -> Path:
        """A signing config by which some services are asked at another `host:port`, such as a relay's.

        :param addresses: `issuer`, `fulcio`, `rekor` or `tsa`.
        """
        usual = {name: getattr(self, name).address for name in ("issuer", "fulcio", "rekor", "tsa")}
        return files.signing_config(self._new("config.json"), **{**usual, **addresses})

    def replaced_root(self) -> Path:
        """A trusted root for the same addresses and other keys."""
        return files.trusted_root(self._new("root.json"), Keys.create(self._new("keys")), self.services)

    def root_without_certificate_log(self) -> Path:
        """A trusted root that knows no log of certificates, as those of private instances may."""
        services = {name: service for name, service in self.services.items() if name != "ctfe"}
        return files.trusted_root(self._new("root.json"), self.keys, services)

    def _new(self, name: str) -> Path:
        return self.folder / f"{secrets.token_hex(4)}-{name}"


@contextmanager
def sigstore(folder: Path) -> Iterator[Sigstore]:
    """All of it, up, until the block ends; several at a time have nothing in common.

    :param folder: receives its keys, the logs and what the services say.
    """
    keys = Keys.create(folder / "keys")
    with ExitStack() as stack:
        provider = stack.enter_context(issuer())
        certificates = services.certificate_log(folder, keys)
        made = Sigstore(
            folder=folder,
            keys=keys,
            issuer=provider,
            fulcio=services.fulcio(folder, keys, provider, certificates),
            ctfe=certificates,
            rekor=services.rekor(folder, keys),
            tsa=services.timestamps(folder, keys),
            trusted_root=folder / "trusted_root.json",
        )
        for service in made.services.values():
            stack.callback(service.stop)
            service.launch()
        files.trusted_root(made.trusted_root, keys, made.services)
        for service in made.services.values():
            service.wait()
        yield made
