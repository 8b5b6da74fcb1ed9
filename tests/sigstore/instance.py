"""A whole Sigstore on the loopback: an issuer of identities, Fulcio, Rekor v2 and a timestamp authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sigstore import files, services
from tests.sigstore.issuer import REF, REPOSITORY, WORKFLOW, Issuer, issuer
from tests.sigstore.keys import Keys
from tests.sigstore.services import Service


def identity_of(repository: str = REPOSITORY, ref: str = REF) -> str:
    """The subject of the certificate that Fulcio gives to a job of this repository at this ref."""
    return f"https://github.com/{repository}/{WORKFLOW}@{ref}"


@dataclass(frozen=True, kw_only=True)
class Sigstore:
    """The services, and the files that describe them.

    :param trusted_root: whom to believe, for those who verify.
    :param signing_config: whom to ask, for those who sign.
    """

    folder: Path
    issuer: Issuer
    fulcio: Service
    rekor: Service
    tsa: Service
    trusted_root: Path
    signing_config: Path

    identity = identity_of()
    """Of a token that is asked for without claims."""

    def token(self, *, seconds: int = 300, **claims: object) -> str:
        """A token as GitHub gives it to a job: see `Issuer.token`."""
        return self.issuer.token(seconds=seconds, **claims)

    def through(self, **addresses: str) -> Path:
        """A signing config by which some services are asked at another `host:port`, such as a relay's.

        :param addresses: `issuer`, `fulcio`, `rekor` or `tsa`.
        """
        usual = {name: getattr(self, name).address for name in ("issuer", "fulcio", "rekor", "tsa")}
        return files.signing_config(self._new("signing-config"), **{**usual, **addresses})

    def replaced_root(self) -> Path:
        """A trusted root for the same addresses and other keys."""
        return self._root(self._new("trusted-root"), Keys.create(self._new("keys").with_suffix("")))

    def _root(self, path: Path, keys: Keys) -> Path:
        addresses = {name: getattr(self, name).address for name in ("fulcio", "rekor", "tsa")}
        return files.trusted_root(path, keys, **addresses)

    def _new(self, name: str) -> Path:
        return self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}.json"


@contextmanager
def sigstore(folder: Path) -> Iterator[Sigstore]:
    """All of it, up, until the block ends; several at a time have nothing in common.

    :param folder: receives its keys, the log and what the services say.
    """
    keys = Keys.create(folder / "keys")
    with ExitStack() as stack:
        provider = stack.enter_context(issuer())
        made = {
            "fulcio": services.fulcio(folder, keys, provider),
            "rekor": services.rekor(folder, keys),
            "tsa": services.timestamps(folder, keys),
        }
        for service in made.values():
            stack.callback(service.stop)
            service.launch()
        addresses = {name: service.address for name, service in made.items()}
        described = Sigstore(
            folder=folder,
            issuer=provider,
            **made,
            trusted_root=files.trusted_root(folder / "trusted_root.json", keys, **addresses),
            signing_config=files.signing_config(folder / "signing_config.json", issuer=provider.address, **addresses),
        )
        for service in made.values():
            service.wait()
        yield described
