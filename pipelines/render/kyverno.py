"""Kyverno's `ImageValidatingPolicy` (github.com/kyverno/api, `policies.kyverno.io/v1`), as Kyverno 1.19 reads it.

It finds Sigstore bundles by itself. But what it calls an image's signature is then any statement of the signer, an
SBOM's too: so the statement that the image is signed is demanded as an attestation of its own type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pipelines.render.admission import DEBUG, Admission, Guard, identity_of
from pipelines.render.text import dump
from pipelines.render.trusted_root import TrustedRoot
from pipelines.trust import SIGNATURE

_IMAGES: Final = "(images.containers + images.initContainers + images.ephemeralContainers)"
_UNSIGNED: Final = "the image has no signature of those whose signatures count"
_REKOR: Final = "https://rekor.sigstore.dev"
_SECONDS: Final = 30
"""How long the API server waits for the answer; the most that it can be told to."""


def kyverno(admission: Admission) -> str:
    """Each policy twice: Kyverno makes rules for Deployments and the like of one for `pods`, and of no other."""
    objects = [
        _policy(admission, guard, name, resource)
        for guard in admission.guards
        for name, resource in ((guard.name, "pods"), (f"{guard.name}{DEBUG}", "pods/ephemeralcontainers"))
    ]
    return admission.head + "---\n".join(dump(item) for item in objects)


def _policy(admission: Admission, guard: Guard, name: str, resource: str) -> Mapping[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource]}
    signers = _signers(admission, guard)
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": name},
        "spec": {
            "validationActions": ["Deny"],
            "failurePolicy": "Fail",
            "webhookConfiguration": {"timeoutSeconds": _SECONDS},
            "matchConstraints": {"resourceRules": [rule]},
            "matchImageReferences": [
                {"expression": _ours(registry, paths, everything=admission.everything)}
                for registry, paths in guard.repositories.items()
            ],
            # Tags become digests, and what has none by then is refused: what runs is what was looked at.
            "validationConfigurations": {"mutateDigest": True, "verifyDigest": True, "required": True},
            **_credentials(admission),
            "attestors": [{"name": key, "cosign": cosign} for key, cosign in signers.items()],
            "attestations": [{"name": key, "intoto": {"type": kind}} for key, kind in admission.demanded.items()],
            "validations": _validations(admission, f"[{', '.join(f'attestors.{key}' for key in signers)}]"),
        },
    }


def _ours(registry: str, paths: tuple[str, ...], *, everything: bool) -> str:
    """CEL: whether an image is the environment's. References are read as a puller does: a glob would see their text."""
    path = "image(ref).repository()"
    if everything:
        there = " || ".join(f"{path}.startsWith({json.dumps(prefix)})" for prefix in paths)
    else:
        there = f"{path} in {json.dumps(paths)}"
    return f"image(ref).registry().lowerAscii() == {json.dumps(registry)} && ({there})"


def _validations(admission: Admission, by: str) -> list[Mapping[str, str]]:
    checks = {f"verifyImageSignatures(image, {by}) > 0": _UNSIGNED} if admission.trust.legacy else {}
    for key, kind in admission.demanded.items():
        said = _UNSIGNED if kind == SIGNATURE else f"nothing of the type {kind} is attested to the image"
        checks[f"verifyAttestationSignatures(image, attestations.{key}, {by}) > 0"] = said
    return [{"expression": f"{_IMAGES}.all(image, {check})", "message": said} for check, said in checks.items()]


def _credentials(admission: Admission) -> Mapping[str, Any]:
    given = {
        **({"allowInsecureRegistry": True} if admission.insecure else {}),
        **({"secrets": list(admission.pull_secrets)} if admission.pull_secrets else {}),
    }
    return {"credentials": given} if given else {}


def _signers(admission: Admission, guard: Guard) -> Mapping[str, Mapping[str, Any]]:
    """Name → one whose signature counts; one is enough. Of a bundle, Kyverno can ask for one identity at a time."""
    trust = admission.trust
    if trust.public is not None:
        # A key's signatures are in no log.
        unlogged = {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True}
        return {"signer1": {"key": {"data": trust.public}, "ctlog": unlogged}}
    shared = {
        "ctlog": _logs(admission.root, certificates=trust.certificates_logged),
        **({"trustedRoot": {"value": trust.root}} if trust.root else {}),
    }
    return {
        f"signer{number}": {"keyless": {"identities": [identity_of(party)]}, **shared}
        for number, party in enumerate(guard.parties, start=1)
    }


def _logs(root: TrustedRoot | None, *, certificates: bool) -> Mapping[str, Any]:
    """What proves when a certificate was used. A Sigstore of one's own may be without one log or the other.

    The log's address has to be there, and is not asked: its entries come with the signatures.
    """
    url = _REKOR if root is None else next((log.base_url for log in root.tlogs), None)
    return {
        **({"insecureIgnoreTlog": True} if url is None else {"url": url or _REKOR}),
        **({} if certificates else {"insecureIgnoreSCT": True}),
    }
