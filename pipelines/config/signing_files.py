"""The files that say what an instance of Sigstore is trusted by and how it is reached; and the trust that follows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.config.files import read_text
from pipelines.config.problems import REMEDY, InvalidConfig, Problem, in_order
from pipelines.config.signing import Signing
from pipelines.trust import Identity, Trust

_ROOT_TYPE: Final = "application/vnd.dev.sigstore.trustedroot"
_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.signingconfig"


@dataclass(frozen=True, kw_only=True)
class SigningFiles:
    """What the files say. Both JSON.

    :param config: the services to sign with (sigstore/protobuf-specs, `SigningConfig`); None for the public instance's.
    """

    root: str | None = None
    config: str | None = None


def trust_of(signing: Signing, files: SigningFiles, public: str | None = None) -> Trust:
    """Whose signatures count.

    :param public: PEM, where a key counts and not the identities.
    """
    if public is not None:
        return Trust(public=public, legacy=signing.format == "legacy")
    return Trust(
        identities=tuple(
            Identity(
                issuer=item.issuer,
                subject=item.subject or item.subject_pattern or "",
                pattern=item.subject is None,
                repository=item.repository,
                ref=item.ref,
            )
            for item in signing.identities
        ),
        root=files.root,
        certificates_logged=files.root is None or bool(json.loads(files.root).get("ctlogs")),
        legacy=signing.format == "legacy",
    )


def read_signing(root: Path, signing: Signing) -> SigningFiles:
    """What the files say that it names; or, if it names URLs, the document for those.

    :param root: of the repository.
    :raises InvalidConfig: with every file that is no JSON, or JSON of something else.
    """
    problems: list[Problem] = []
    trusted = _read(root, signing.trusted_root, _ROOT_TYPE, "a trusted root", problems)
    config = _read(root, signing.signing_config, _CONFIG_TYPE, "a signing config", problems)
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return SigningFiles(root=trusted, config=config or _from_urls(signing))


def _read(root: Path, file: str | None, kind: str, name: str, problems: list[Problem]) -> str | None:
    if file is None:
        return None
    text, wrong = read_text(root / file, file)
    problems.extend(wrong)
    if text is None:
        return None
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        problems.append(Problem(source=file, line=error.lineno, column=error.colno, message=f"is no JSON: {error.msg}"))
        return None
    if not isinstance(found, dict) or not str(found.get("mediaType")).startswith(kind):
        message = f"is not {name} of Sigstore: its 'mediaType' does not begin with {kind}"
        problems.append(Problem(source=file, line=1, column=1, message=message))
    return text


def _from_urls(signing: Signing) -> str | None:
    """The signing config that the URLs come to, as sigstore/protobuf-specs has it (sigstore_trustroot.proto)."""
    if signing.fulcio is None:
        return None

    def service(url: str | None, version: int) -> list[dict[str, Any]]:
        since = {"start": "2020-01-01T00:00:00Z"}
        return [{"url": url, "majorApiVersion": version, "validFor": since, "operator": "configured"}]

    any_of = {"selector": "ANY"}
    return json.dumps(
        {
            "mediaType": f"{_CONFIG_TYPE}.v0.2+json",
            "caUrls": service(signing.fulcio, 1),
            "oidcUrls": [],
            "rekorTlogUrls": service(signing.rekor, 2),
            "rekorTlogConfig": any_of,
            "tsaUrls": service(signing.timestamp, 1),
            "tsaConfig": any_of,
        }
    )
