"""Images in a registry of the tests' own, signed as Sealift signs and otherwise, and a repository that names them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.local.machine import make_setup
from ci.local.toolchain import REGCTL, tool_folder
from tests.faults.command import NO_ENGINE
from tests.faults.peers import Peer
from tests.forked import Done, forked
from tests.sigstore.cosign import Cosign

PREFIX = "acme/"
# As pipelines/stages/signer.py has it: a key's signatures are in no log.
_KEYED = ("--use-signing-config=false", "--tlog-upload=false", "--yes")
BUNDLE = ("--new-bundle-format=true", *_KEYED)
LEGACY = ("--new-bundle-format=false", *_KEYED)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The registry, and a folder with what is made for it."""

    registry: Peer
    cosign: Cosign
    folder: Path

    def image(self, name: str) -> str:
        """A new image of one platform that nobody has signed, by digest."""
        repository = f"{self.registry.address}/{PREFIX}{name}"
        self._regctl("image", "create", "--platform=linux/amd64", f"--label=name={name}", f"{repository}:v1")
        return f"{repository}@{self._regctl('manifest', 'head', f'{repository}:v1')}"

    def public(self, name: str) -> Path:
        """A public key; the private half, made with it, is beside."""
        path = self.folder / f"{name}.pub"
        if not path.exists():
            self._cosign("generate-key-pair", f"--output-key-prefix={path.with_suffix('')}")
        return path

    def sign(self, image: str, key: str, flags: Sequence[str] = BUNDLE) -> None:
        """Sign it with a key."""
        self._cosign("sign", f"--key={self.public(key).with_suffix('.key')}", *flags, image)

    def attest(self, image: str, key: str, kind: str, predicate: object) -> None:
        """Attest something to it with a key."""
        file = self.folder / "predicate.json"
        file.write_text(json.dumps(predicate))
        given = [f"--key={self.public(key).with_suffix('.key')}", f"--type={kind}", f"--predicate={file}"]
        self._cosign("attest", *given, *BUNDLE, image)

    def policies(
        self, folder: str, services: Sequence[str], *arguments: str, signing: object = None, **variables: str
    ) -> Done:
        """`sealift render admission` for these services, into a folder, where no engine is within reach."""
        config: Mapping[str, object] = {
            "version": 1,
            "project": "shop",
            "source": "https://github.com/acme/shop",
            "prefix": PREFIX,
            "services": {name: {"boot": None} for name in services},
            "environments": {"prod": {"registry": self.registry.address}, "local": {"registry": "localhost:5000"}},
            **({"signing": signing} if signing else {}),
        }
        for name in services:
            (self.folder / "services" / name).mkdir(parents=True, exist_ok=True)
            (self.folder / "services" / name / "Dockerfile").write_text("FROM scratch\n")
        (self.folder / "sealift.yaml").write_text(json.dumps(config))
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **NO_ENGINE, **variables}
        command = ["render", "admission", "--env=prod", f"--out={folder}", *arguments]
        return forked(command, self.folder, env, timeout=60)

    def _regctl(self, *arguments: str) -> str:
        program = tool_folder(make_setup(os.environ, print), REGCTL) / "regctl"
        command = [program, f"--host=reg={self.registry.address},tls=disabled", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def _cosign(self, *arguments: str) -> None:
        done = self.cosign.run(*arguments, env={"COSIGN_PASSWORD": ""})
        assert done.returncode == 0, done.stderr
