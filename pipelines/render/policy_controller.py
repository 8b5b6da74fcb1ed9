"""Sigstore policy-controller's `ClusterImagePolicy` and `TrustRoot` (github.com/sigstore/policy-controller, 0.13).

In the bundle format it knows attestations of keyless signers only: so the statement that the image is signed is
demanded as an attestation of its own type, and a key's bundle cannot be checked at all. All policies that match an
image must accept it, but one authority of a policy is enough: what must hold together stands in policies of its own.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipelines.errors import ConfigError
from pipelines.render.admission import Admission, Guard, identity_of
from pipelines.render.text import comment, dump
from pipelines.render.trusted_root import Authority, Log, TrustedRoot

_FULCIO: Final = "https://fulcio.sigstore.dev"
_REKOR: Final = "https://rekor.sigstore.dev"
_FAILS_CLOSED: Final = (
    "It looks at namespaces with the label policy.sigstore.dev/include=true only, and takes images that no policy is",
    "about unless 'no-match-policy' is 'deny' in the ConfigMap config-policy-controller.",
)


def why_not(admission: Admission) -> str | None:
    """Why policy-controller cannot check these signatures; None if it can."""
    if admission.trust.public is not None and not admission.trust.legacy:
        return "it checks a key's signatures in Cosign's older format only (sigstore/policy-controller issue 1958)"
    if admission.root is None:
        return None
    # A TrustRoot's logs get an id that no certificate and no bundle names (`ConvertTransparencyLogInstance`).
    if admission.trust.legacy:
        return "with a trusted root of one's own it was tried with bundles only"
    if admission.root.ctlogs:
        return "it cannot check a trusted root's log of certificates ('ctlogs')"
    if not admission.root.timestamp_authorities:
        return "it cannot check a trusted root's log, and without timestamps nothing else says when images were signed"
    return None


def caution(admission: Admission) -> str | None:
    """What is to be known of a policy that can be written; None if there is nothing."""
    if admission.root and any(map(_is_rekor_2, admission.root.tlogs)):
        return (
            "policy-controller cannot read entries of Rekor v2, which the trusted root names: it refuses images whose"
            " signatures have one, and takes those that have a timestamp alone"
        )
    return None


def policy_controller(admission: Admission) -> str:
    """The policies, and the trust root that they name.

    :raises ConfigError: it cannot check these signatures.
    """
    if why := why_not(admission):
        raise ConfigError(
            f"policy-controller cannot guard these images: {why}",
            remedy="take Kyverno (--target kyverno), or sign in another way: docs/admission.md has what each can check",
            step="render",
        )
    return admission.head + comment(*_FAILS_CLOSED) + "---\n".join(dump(item) for item in _objects(admission))


def _is_rekor_2(log: Log) -> bool:
    """By its key's kind, which no other log has."""
    return log.public_key.key_details == "PKIX_ED25519"


def _objects(admission: Admission) -> Iterator[Mapping[str, Any]]:
    root, demanded = admission.root, admission.demanded
    if root is not None:
        yield _object("TrustRoot", "v1alpha1", admission.name, {"sigstoreKeys": _keys(root)})
    for guard in admission.guards:
        if admission.trust.legacy:
            yield _policy(admission, root, guard, guard.name, {})
        if demanded:
            yield _policy(admission, root, guard, f"{guard.name}{'-attested' * admission.trust.legacy}", demanded)


def _object(kind: str, version: str, name: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"apiVersion": f"policy.sigstore.dev/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _policy(
    admission: Admission, root: TrustedRoot | None, guard: Guard, name: str, demanded: Mapping[str, str]
) -> Mapping[str, Any]:
    shared: dict[str, Any] = {"signatureFormat": "legacy" if admission.trust.legacy else "bundle"}
    if demanded:
        shared["attestations"] = [{"name": key, "predicateType": kind} for key, kind in demanded.items()]
    if admission.pull_secrets:
        shared["source"] = [{"signaturePullSecrets": [{"name": secret} for secret in admission.pull_secrets]}]
    authorities = [
        {"name": f"signer{number}", **signer, **shared}
        for number, signer in enumerate(_signers(admission, root, guard), start=1)
    ]
    images = [{"glob": glob} for glob in _globs(guard, everything=admission.everything)]
    spec = {"mode": "enforce", "images": images, "authorities": authorities}
    return _object("ClusterImagePolicy", "v1beta1", name, spec)


def _globs(guard: Guard, *, everything: bool) -> Iterator[str]:
    """What references look like once they are read: by tag or by digest, Docker Hub under its full name."""
    behind = ("**",) if everything else (":**", "@**")
    for registry, paths in guard.repositories.items():
        yield from (f"{registry}/{path}{end}" for path in paths for end in behind)


def _signers(admission: Admission, root: TrustedRoot | None, guard: Guard) -> Iterator[Mapping[str, Any]]:
    """Each whose signature counts; one is enough. Of a bundle, it can ask for one identity at a time."""
    if admission.trust.public is not None:
        # Without a log: a key's signatures are in none.
        yield {"key": {"data": admission.trust.public, "hashAlgorithm": "sha256"}}
    for party in guard.parties:
        keyless: dict[str, Any] = {"identities": [identity_of(party)]}
        if root is None:
            yield {"keyless": {"url": _FULCIO, **keyless}, "ctlog": {"url": _REKOR}}
            continue
        named = {"trustRootRef": admission.name}
        keyless |= {"url": root.certificate_authorities[0].uri or _FULCIO, "insecureIgnoreSCT": True, **named}
        # With timestamps it asks no log.
        yield {"keyless": keyless, "rfc3161timestamp": named}


def _keys(root: TrustedRoot) -> Mapping[str, Any]:
    """A TrustRoot knows no times: what is not valid any more is left out."""
    authorities = {"certificateAuthorities": root.certificate_authorities}
    authorities["timestampAuthorities"] = root.timestamp_authorities
    return {name: [_authority(one) for one in items if not one.valid_for.end] for name, items in authorities.items()}


def _authority(item: Authority) -> Mapping[str, Any]:
    chain = "".join(ssl.DER_cert_to_PEM_cert(one.raw_bytes) for one in item.cert_chain.certificates)
    # It wants a subject and an address, and uses neither.
    subject = {"organization": item.subject.organization or "-", "commonName": item.subject.common_name or "-"}
    return {"subject": subject, "uri": item.uri or _FULCIO, "certChain": b64encode(chain.encode()).decode()}
