"""What somebody who may write to a registry can do to the signatures in it.

A registry without the referrers API has them in a list under the tag `sha256-…` of the digest (OCI Distribution
Specification 1.1, "Referrers Tag Schema"): an index of manifests, each with one layer, the Sigstore bundle.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"

Document = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """An image by digest, `host:port/repository@sha256:…`, at a registry that speaks plain HTTP."""

    reference: str

    @property
    def digest(self) -> str:
        return self.reference.partition("@")[2]

    @property
    def tag(self) -> str:
        """Where the list of what is attached to it is."""
        return self.digest.replace(":", "-")

    @property
    def repository(self) -> str:
        """With its registry."""
        return self.reference.partition("@")[0]

    def url(self, kind: str, name: str) -> str:
        host, _, repository = self.repository.partition("/")
        return f"http://{host}/v2/{repository}/{kind}/{name}"

    def get(self, kind: str, name: str) -> Document:
        answer = httpx.get(self.url(kind, name), headers={"Accept": f"{_INDEX}, {_MANIFEST}"}, trust_env=False)
        return answer.raise_for_status().json()  # type: ignore[no-any-return]

    def put_manifest(self, name: str, document: Document) -> None:
        headers = {"Content-Type": document["mediaType"]}
        body = json.dumps(document).encode()
        httpx.put(self.url("manifests", name), content=body, headers=headers, trust_env=False).raise_for_status()

    def put_blob(self, content: bytes) -> str:
        """Its digest."""
        place = httpx.post(self.url("blobs", "uploads/"), trust_env=False).raise_for_status().headers["Location"]
        digest = _digest(content)
        url = httpx.URL(place).copy_merge_params({"digest": digest})
        httpx.put(url, content=content, trust_env=False).raise_for_status()
        return digest


def remove(image: Image) -> None:
    """Take away all that is attached to the image."""
    image.put_manifest(image.tag, {**image.get("manifests", image.tag), "manifests": []})


def move(image: Image, other: Image) -> None:
    """Attach to another image of the repository what is attached to this one, and say that it is about that one."""

    def about_the_other(manifest: Document) -> Document:
        subject = {**manifest["subject"], "digest": other.digest}
        return {**manifest, "subject": subject}

    _attach(image, other, about_the_other)


def alter(image: Image, change: Callable[[Document], None]) -> None:
    """Change the statements that are attached to the image, and leave their signatures as they are.

    :param change: of an in-toto statement.
    """

    def altered(manifest: Document) -> Document:
        (layer,) = manifest["layers"]
        bundle = image.get("blobs", layer["digest"])
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        change(statement)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        content = json.dumps(bundle).encode()
        return {**manifest, "layers": [{**layer, "digest": image.put_blob(content), "size": len(content)}]}

    _attach(image, image, altered)


def _attach(image: Image, to: Image, change: Callable[[Document], Document]) -> None:
    """Put changed versions of what is attached to one image into the list of another."""
    attached = image.get("manifests", image.tag)
    entries = []
    for entry in attached["manifests"]:
        manifest = change(image.get("manifests", entry["digest"]))
        content = json.dumps(manifest).encode()
        to.put_manifest(_digest(content), manifest)
        entries.append({**entry, "digest": _digest(content), "size": len(content)})
    to.put_manifest(to.tag, {**attached, "manifests": entries})


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
