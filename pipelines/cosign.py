"""How Cosign is told what to verify, and whose signatures count. Pure."""

from __future__ import annotations

from typing import Final

from pipelines.trust import SIGNATURE, Party, Trust

PUBLIC: Final = "/run/sealift/cosign.pub"
ROOT: Final = "/run/sealift/trusted-root.json"
"""Where public key and trusted root are in Cosign's container."""


def verb(trust: Trust, kind: str | None) -> list[str]:
    """What Cosign is to do, and with which kind of statement.

    :param kind: None for the signature itself.
    """
    if kind is None and trust.legacy:
        return ["verify"]
    return ["verify-attestation", f"--type={kind or SIGNATURE}"]


def arguments(trust: Trust, party: Party | None, *, public: str = PUBLIC, root: str = ROOT) -> list[str]:
    """How Cosign is told whose signatures count.

    :param party: who may have signed; None where a key counts.
    :param public: path of the public key.
    :param root: path of the trusted root.
    """
    form = f"--new-bundle-format={'false' if trust.legacy else 'true'}"
    common = [form, "--allow-http-registry"]
    if party is None:
        return [f"--key={public}", "--insecure-ignore-tlog=true", *common]
    if party.pattern is None and len(party.subjects) == 1:
        who = f"--certificate-identity={party.subjects[0]}"
    else:
        who = f"--certificate-identity-regexp={party.expression}"
    return [
        who,
        f"--certificate-oidc-issuer={party.issuer}",
        *([f"--certificate-github-workflow-repository={party.repository}"] if party.repository else []),
        *([f"--certificate-github-workflow-ref={party.ref}"] if party.ref else []),
        *([f"--trusted-root={root}"] if trust.root is not None else []),
        *([] if trust.certificates_logged else ["--insecure-ignore-sct"]),
        *common,
    ]
