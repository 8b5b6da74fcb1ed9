"""Cosign as anyone has it, told of a Sigstore of the tests' own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.sigstore import files
from tests.sigstore.instance import Sigstore

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, kw_only=True)
class Cosign:
    """:param folder: its home: it reads nothing of the user's."""

    sigstore: Sigstore
    folder: Path

    def run(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
        """Cosign with these arguments, to its end, whatever its exit code."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **(env or {})}
        command = [files.cosign(), *arguments]
        return subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL
        )

    def image(self, repository: str) -> str:
        """Push the smallest image that there is, of a content of its own; its reference by digest.

        :param repository: with its registry.
        """
        content = self.folder / "content"
        content.write_text(os.urandom(8).hex())
        done = self.run("upload", "blob", "-f", content, f"{repository}:1")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sign(self, image: str, **given: object) -> Done:
        """Sign without a key. `given`: see `_signing`."""
        return self._signing(["sign"], image, **given)  # type: ignore[arg-type]

    def attest(self, image: str, predicate: Path, kind: str, **given: object) -> Done:
        """Attest without a key. `given`: see `_signing`."""
        return self._signing(["attest", f"--predicate={predicate}", f"--type={kind}"], image, **given)  # type: ignore[arg-type]

    def verify(self, image: str, *more: str, **given: object) -> Done:
        """Verify a signature. `given`: see `_verifying`."""
        return self._verifying(["verify", *more], image, **given)  # type: ignore[arg-type]

    def verify_attestation(self, image: str, kind: str, **given: object) -> Done:
        """Verify an attestation. `given`: see `_verifying`."""
        return self._verifying(["verify-attestation", f"--type={kind}"], image, **given)  # type: ignore[arg-type]

    def _signing(
        self,
        command: list[str],
        image: str,
        *,
        token: str | None = None,
        env: Mapping[str, str] | None = None,
        signing_config: Path | None = None,
        trusted_root: Path | None = None,
    ) -> Done:
        """:param env: variables by which Cosign finds a token by itself; None to give it one, by variable too: what is

        on a command line, all users of a machine can read.
        :param trusted_root: by which Cosign verifies what it has signed, before it is pushed.
        """
        return self.run(
            *command,
            "--yes",
            f"--signing-config={signing_config or self.sigstore.signing_config}",
            f"--trusted-root={trusted_root or self.sigstore.trusted_root}",
            image,
            env=env or {"SIGSTORE_ID_TOKEN": token or self.sigstore.token()},
        )

    def _verifying(
        self,
        command: list[str],
        image: str,
        *,
        identity: str | None = None,
        issuer: str | None = None,
        trusted_root: Path | None = None,
    ) -> Done:
        return self.run(
            *command,
            f"--trusted-root={trusted_root or self.sigstore.trusted_root}",
            f"--certificate-identity={identity or self.sigstore.identity}",
            f"--certificate-oidc-issuer={issuer or self.sigstore.issuer.url}",
            image,
        )


def error(done: Done) -> str:
    """Why Cosign failed, in its own words."""
    assert done.returncode != 0, done.stdout
    return next(line.removeprefix("Error: ") for line in done.stderr.splitlines() if line.startswith("Error: "))
