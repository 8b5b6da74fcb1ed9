"""Images, attachments and records in a real registry, put there without an engine: small, old, and real."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import ssl
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from pipelines.model import RECORDS
from pipelines.registry.documents import INDEX, MANIFEST
from tests.scratch import run

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
HTTP = httpx.Client(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=30)
OLD = datetime.now(UTC) - timedelta(days=90)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Filled:
    """:param address: of the registry; `prefix` stands before each repository.

    :param env: has the tools on PATH, and the folder of the keys.
    """

    address: str
    prefix: str
    env: Mapping[str, str]
    keys: Path
    digests: dict[str, list[str]] = field(default_factory=dict)

    def url(self, repository: str) -> str:
        return f"http://{self.address}/v2/{self.prefix}{repository}"

    def name(self, repository: str) -> str:
        return f"{self.address}/{self.prefix}{repository}"

    def blob(self, repository: str, data: bytes, media_type: str) -> dict[str, Any]:
        """Put a blob; its descriptor."""
        digest = digest_of(data)
        at = HTTP.post(f"{self.url(repository)}/blobs/uploads/").raise_for_status().headers["Location"]
        params = {**dict(httpx.URL(at).params), "digest": digest}
        HTTP.put(at, params=params, content=data).raise_for_status()
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def manifest(self, repository: str, document: Mapping[str, Any], *tags: str) -> dict[str, Any]:
        """Put a manifest, under tags or by its digest; its descriptor."""
        data = json.dumps({"schemaVersion": 2, **document}).encode()
        headers = {"Content-Type": document["mediaType"]}
        for reference in tags or (digest_of(data),):
            url = f"{self.url(repository)}/manifests/{reference}"
            HTTP.put(url, content=data, headers=headers).raise_for_status()
        return {"mediaType": document["mediaType"], "digest": digest_of(data), "size": len(data)}

    def image(self, service: str, seed: str, *tags: str, made: datetime = OLD, shared: str = "") -> list[str]:
        """An index of two platforms; digests of index and platforms.

        :param shared: another image's seed: the amd64 platform is that one's.
        """
        base = self.blob(service, layer("base", b"base" * 4096), LAYER)
        children = []
        for arch in ("amd64", "arm64"):
            content = f"{shared if shared and arch == 'amd64' else seed} {arch}".encode()
            own = self.blob(service, layer("content", content), LAYER)
            config = {
                "os": "linux",
                "architecture": arch,
                "rootfs": {"type": "layers", "diff_ids": [digest_of(content)]},
            }
            described = self.blob(service, json.dumps(config).encode(), CONFIG)
            document = {"mediaType": MANIFEST, "config": described, "layers": [base, own]}
            platform = {"os": "linux", "architecture": arch}
            children.append({**self.manifest(service, document), "platform": platform})
        notes = {"org.opencontainers.image.created": made.isoformat(), "org.opencontainers.image.version": seed}
        index = self.manifest(service, {"mediaType": INDEX, "manifests": children, "annotations": notes}, *tags)
        self.digests[f"{service} {seed}"] = [index["digest"], *(child["digest"] for child in children)]
        return self.digests[f"{service} {seed}"]

    def attach(self, service: str, digest: str) -> None:
        """Attach something with regctl, which keeps the list of what is attached under a tag."""
        command = [f"--host=reg={self.address},tls=disabled", "artifact", "put", "--artifact-type=application/example"]
        done = self._run("regctl", *command, f"--subject={self.name(service)}@{digest}", stdin=digest)
        assert done == 0

    def sign(self, service: str, digest: str) -> None:
        """Sign an index and its platforms with Cosign."""
        flags = ["--recursive", "--use-signing-config=false", "--tlog-upload=false", "--yes"]
        assert (
            self._run("cosign", "sign", f"--key={self.keys}/cosign.key", *flags, f"{self.name(service)}@{digest}") == 0
        )

    def verifies(self, service: str, digest: str) -> bool:
        """Whether Cosign says so."""
        flags = [f"--key={self.keys}/cosign.pub", "--insecure-ignore-tlog=true"]
        return self._run("cosign", "verify", *flags, f"{self.name(service)}@{digest}") == 0

    def pulls(self, service: str, reference: str, folder: Path) -> bool:
        """Whether regctl can fetch all of it."""
        host = f"--host=reg={self.address},tls=disabled"
        return self._run("regctl", host, "image", "copy", f"{self.name(service)}{reference}", f"ocidir://{folder}") == 0

    def make_keys(self) -> None:
        self.keys.mkdir(parents=True, exist_ok=True)
        assert (
            run(["cosign", "generate-key-pair"], cwd=self.keys, env={**self.env, "COSIGN_PASSWORD": ""}).returncode == 0
        )

    def _run(self, *command: str, stdin: str = "") -> int:
        env = {**os.environ, **self.env, "COSIGN_PASSWORD": ""}
        done = subprocess.run(command, env=env, capture_output=True, text=True, input=stdin, timeout=60, check=False)
        if done.returncode != 0:
            print(done.stderr)  # noqa: T201 - pytest shows it
        return done.returncode

    def record(
        self,
        run_id: str,
        lot: Mapping[str, list[str]],
        *tags: str,
        started: datetime = OLD,
        state: str = "published",
        environment: str = "local",
        critical: int = 0,
        size: int = 1000,
    ) -> None:
        """A release record, under the run's id and the tags; the first of them is its version."""
        version = tags[0] if tags else None
        unit = {
            "size": size, "layers": 2, "user": "1", "labels": {}, "packages": 1, "boot_ms": None, "cached": False,
            "seconds": 1.0, "findings": {"CRITICAL": critical} if critical else {}, "secrets": 0,
        }  # fmt: skip
        move = {"tag": version or "dev", "before": None, "moved": True, "kept": None}
        services = {
            name: {
                "index": digests[0],
                "published": [{"repository": self.name(name), "tags": [{**move, "after": digests[0]}]}],
                "platforms": {
                    f"linux/{arch}": {**unit, "digest": digest}
                    for arch, digest in zip(("amd64", "arm64"), digests[1:], strict=True)
                },
            }
            for name, digests in lot.items()
        }
        database = {"reference": "db:2", "digest": digest_of(b"db"), "updated": started.isoformat(), "sample": False}
        document = {
            "format": 2, "id": run_id, "state": state, "started": started.isoformat(),
            "finished": (started + timedelta(minutes=1)).isoformat() if state == "published" else None,
            "fit_for_release": True, "rebuilt_bases": False, "tools": {}, "database": database, "public_key": None,
            "verdict": {"passed": True, "violations": []}, "services": services,
            "plan": {
                "project": "shop", "environment": environment, "when_tags_fail": "stop", "commit": "c" * 40,
                "version": version, "tag_prefix": "",
                "targets": [{"registry": self.address, "prefix": self.prefix, "insecure": True}],
                "services": [{"name": name, "version": None, "published": True} for name in lot],
            },
        }  # fmt: skip
        content = self.blob(RECORDS, json.dumps(document).encode(), "application/json")
        empty = self.blob(RECORDS, b"{}", "application/vnd.oci.empty.v1+json")
        kind = "application/vnd.sealift.release.v2+json"
        self.manifest(
            RECORDS, {"mediaType": MANIFEST, "artifactType": kind, "config": empty, "layers": [content]}, run_id, *tags
        )

    def tags(self, repository: str) -> set[str]:
        """All tags, those of attachments too."""
        answer = HTTP.get(f"{self.url(repository)}/tags/list")
        return set() if answer.status_code == 404 else set(answer.json()["tags"] or [])

    def named(self, repository: str) -> set[str]:
        """The tags that people name."""
        return {tag for tag in self.tags(repository) if not tag.startswith("sha256-")}

    def has(self, repository: str, digest: str) -> bool:
        accept = {"Accept": f"{INDEX}, {MANIFEST}"}
        return HTTP.head(f"{self.url(repository)}/manifests/{digest}", headers=accept).status_code == 200


def layer(name: str, content: bytes) -> bytes:
    """A layer of one file; the same bytes each time."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        about = tarfile.TarInfo(name)
        about.size = len(content)
        tar.addfile(about, io.BytesIO(content))
    return packed.getvalue()


def on_disk(folder: Path) -> dict[str, bytes]:
    """Every file of a registry's storage, to compare."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "_uploads" not in path.parts
    }
