"""`signing`: who signs, whose signatures count, and the files that say what an instance of Sigstore is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.config import InvalidConfig, parse
from pipelines.config.inherited import over
from pipelines.config.signing import Signing
from pipelines.config.signing_files import SigningFiles, read_signing, trust_of
from pipelines.trust import GITHUB_ISSUER, Identity

SUBJECT = "https://github.com/example/shop/.github/workflows/release.yml@refs/heads/main"
SOURCE = "https://github.com/example/shop"
ROOT = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
CONFIG = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}


@pytest.mark.parametrize(
    ("signing", "problem"),
    [
        ("{method: keyless}", "7:10 signing.method: keyless needs 'identities': whose signatures count"),
        ("{method: kms}", "7:10 signing.method: kms needs 'key', the key's address as Cosign names it: awskms://…"),
        (
            "{key: awskm:///alias/x}",
            "7:10 signing.key: expected a key in a KMS: one of awskms://…, gcpkms://…, azurekms://…, hashivault://…,"
            " k8s://…; did you mean 'awskms://'?",
        ),
        (
            "{method: key, key: 'awskms:///alias/x'}",
            "7:23 signing.key: is not used by the method key; leave one of them out",
        ),
        ("{identities: [{}]}", "7:23 signing.identities[0]: needs either 'subject', exact, or 'subject_pattern'"),
        (
            "{identities: [{subject: a, issuer: github}]}",
            f"7:36 signing.identities[0].issuer: 'github' is no URL; expected for example {GITHUB_ISSUER}",
        ),
        (
            "{identities: [{subject: 'a@{ref}'}]}",
            "7:24 signing.identities[0].subject: {ref} stands for nothing; expected {version} or {service}",
        ),
        (
            "{identities: [{subject: 'https://github.com/example/.*'}]}",
            "7:24 signing.identities[0].subject: is exact, and no signer has such a name; a pattern goes into"
            " 'subject_pattern', with 'allow_patterns: true' beside 'identities'",
        ),
        (
            "{identities: [{subject_pattern: 'https://github.com/example/.*'}]}",
            "7:24 signing.identities[0].subject_pattern: whatever matches could sign; write 'subject', exact, or say"
            " 'allow_patterns: true'",
        ),
        (
            "{allow_patterns: true, identities: [{subject_pattern: '('}]}",
            "7:46 signing.identities[0].subject_pattern: is no regular expression: missing ), unterminated"
            " subpattern at position 0",
        ),
        (
            "{fulcio: 'https://f.example.com', trusted_root: a.json}",
            "7:10 signing: an instance of your own needs fulcio, rekor and timestamp; missing: rekor, timestamp",
        ),
        (
            "{format: legacy, signing_config: a.json, trusted_root: b.json}",
            "7:18 signing.format: legacy has no place for what Rekor v2 and a timestamp authority say; use bundle",
        ),
        (
            "{signing_config: a.json}",
            "7:10 signing: an instance of your own needs 'trusted_root', or nobody could verify what it signed",
        ),
    ],
)
def test_what_cannot_be(head: str, problems_of: Callable[[str], list[str]], signing: str, problem: str) -> None:
    found = problems_of(f"{head}services: {{web: {{}}}}\nsigning: {signing}\n")
    assert len(found) == 1
    place, _, message = found[0].removeprefix("sealift.yaml:").partition(" ")
    assert message == problem.partition(" ")[2]
    assert place.startswith("7:")


def test_each_environment_is_looked_at_as_it_comes_out(head: str, problems_of: Callable[[str], list[str]]) -> None:
    text = f"{head}services: {{web: {{}}}}\nsigning: {{identities: [{{subject: {SUBJECT}}}]}}\n"
    text = text.replace("source: https://example.com/shop", f"source: {SOURCE}")
    assert parse(text.replace("localhost:5000'", "localhost:5000', signing: {method: keyless}")).services
    wrong = text.replace("localhost:5000'", "localhost:5000', signing: {method: keyless, identities: []}")
    assert [problem.partition(" ")[2] for problem in problems_of(wrong)] == [
        "environments.local.signing.method: keyless needs 'identities': whose signatures count"
    ]


CALLED = "https://github.com/acme/ci/.github/workflows/release.yml@" + "0" * 40
SAY = "a workflow can be called by other repositories, and whoever calls it signs alike"


@pytest.mark.parametrize(
    ("source", "identity", "problem"),
    [
        (SOURCE, f"{{subject: '{CALLED}'}}", f"signing.identities[0].subject: is not of github.com/example/shop, the"
         f" 'source': {SAY}; say whose job it has to be: 'repository: OWNER/NAME'"),
        (SOURCE, f"{{subject: '{SUBJECT.replace('shop', 'shop-ci')}'}}", "signing.identities[0].subject: is not of"),
        (SOURCE, f"{{subject: '{SUBJECT.replace('shop', '{service}')}'}}", "signing.identities[0].subject: is not"),
        ("https://gitlab.com/example/shop", f"{{subject: '{SUBJECT}'}}", "signing.identities[0].subject: is not of"),
        ("https://example.com", f"{{subject: '{SUBJECT}'}}", f"signing.identities[0].subject: {SAY}; 'source',"),
        (SOURCE, "{subject_pattern: 'https://github\\.com/acme/.*'}", "signing.identities[0].subject_pattern: is"),
        (SOURCE, "{subject_pattern: 'https://github.com/example/shop/a|.*'}", "signing.identities[0].subject_patt"),
        (SOURCE, "{subject_pattern: '(https://github.com/example/shop/a|b)'}", "signing.identities[0].subject_patt"),
        (SOURCE, "{subject_pattern: 'https://github.com/example/\\Shop/.*'}", "signing.identities[0].subject_patt"),
        (SOURCE, "{subject_pattern: 'https://[a-z.]+/example/shop/.*'}", "signing.identities[0].subject_pattern: is"),
        (SOURCE, "{subject_pattern: '.*'}", "signing.identities[0].subject_pattern: is not of"),
        (
            SOURCE, f"{{repository: shop, subject: '{CALLED}'}}",
            "signing.identities[0].repository: 'shop' is no repository of GitHub; expected OWNER/NAME",
        ),
        (
            SOURCE, "{repository: acme/shop, subject: me@example.com}",
            "signing.identities[0].repository: only certificates of GitHub Actions name a repository, and this",
        ),
        (
            SOURCE, "{ref: refs/heads/main, subject: me@example.com}",
            "signing.identities[0].ref: only certificates of GitHub Actions name a ref, and this subject is of none",
        ),
        (
            SOURCE, f"{{ref: main, subject: '{SUBJECT}'}}",
            "signing.identities[0].ref: 'main' is no git ref in full; expected for example refs/heads/main",
        ),
        (SOURCE, f"{{ref: refs/tags/*, subject: '{SUBJECT}'}}", "signing.identities[0].ref: 'refs/tags/*' is no"),
        (
            SOURCE, f"{{ref: 'refs/tags/{{tag}}', subject: '{SUBJECT}'}}",
            "signing.identities[0].ref: {tag} stands for nothing; expected {version} or {service}",
        ),
        (
            SOURCE, "{ref: 'refs/tags/{version}', subject_pattern: '.*', repository: example/shop}",
            "signing.identities[0].ref: beside a pattern it is exact, and has no placeholder",
        ),
    ],
)  # fmt: skip
def test_a_workflow_that_others_may_call(
    head: str, problems_of: Callable[[str], list[str]], source: str, identity: str, problem: str
) -> None:
    text = head.replace("https://example.com/shop", source)
    (found,) = problems_of(
        f"{text}services: {{web: {{}}}}\nsigning: {{identities: [{identity}], allow_patterns: true}}\n"
    )
    assert found.startswith("sealift.yaml:7:")
    assert found.partition(" ")[2].startswith(problem)


@pytest.mark.parametrize(
    ("source", "identity"),
    [
        (SOURCE, f"{{subject: '{SUBJECT}'}}"),
        ("git@github.com:Example/shop.git", f"{{subject: '{SUBJECT}'}}"),
        ("ssh://git@github.com/example/shop", f"{{subject: '{SUBJECT}'}}"),
        (f"{SOURCE}.git", f"{{subject: '{SUBJECT}'}}"),
        (SOURCE, f"{{subject: '{CALLED}', repository: example/shop}}"),
        ("https://example.com", f"{{subject: '{SUBJECT}', repository: example/shop}}"),
        (SOURCE, "{subject_pattern: 'https://github\\.com/example/shop/.*'}"),
        (SOURCE, "{subject_pattern: '^https://github.com/example/shop/.github/workflows/(a|b)[.]yml@.*'}"),
        (SOURCE, "{subject_pattern: '.*', repository: example/shop}"),
        (SOURCE, "{subject_pattern: '.*', issuer: 'https://gitlab.com'}"),
        (SOURCE, "{subject: me@example.com, issuer: 'https://accounts.google.com'}"),
    ],
)
def test_a_workflow_that_nobody_else_calls_or_whose_caller_is_said(head: str, source: str, identity: str) -> None:
    text = head.replace("https://example.com/shop", source)
    assert parse(f"{text}services: {{web: {{}}}}\nsigning: {{identities: [{identity}], allow_patterns: true}}\n")


def test_whose_signatures_count() -> None:
    signing = Signing.model_validate(
        {
            "allow_patterns": True,
            "identities": [
                {"subject": SUBJECT},
                {"subject_pattern": "x.*", "issuer": "https://i"},
                {"subject": CALLED, "repository": "example/shop", "ref": "refs/tags/{version}"},
            ],
        }
    )
    trust = trust_of(signing, SigningFiles())
    assert trust.identities == (
        Identity(issuer=GITHUB_ISSUER, subject=SUBJECT),
        Identity(issuer="https://i", subject="x.*", pattern=True),
        Identity(issuer=GITHUB_ISSUER, subject=CALLED, repository="example/shop", ref="refs/tags/{version}"),
    )
    assert trust.certificates_logged
    assert not trust_of(signing, SigningFiles(root=json.dumps(ROOT))).certificates_logged
    assert trust_of(signing, SigningFiles(root=json.dumps({**ROOT, "ctlogs": [{}]}))).certificates_logged
    by_key = trust_of(signing, SigningFiles(), "PEM")
    assert (by_key.public, by_key.identities) == ("PEM", ())
    legacy = over(signing, Signing(format="legacy"))
    assert legacy is not None
    assert trust_of(legacy, SigningFiles()).legacy


def test_the_files_are_read_as_they_are(tmp_path: Path) -> None:
    for name, document in {"root.json": ROOT, "config.json": CONFIG}.items():
        (tmp_path / name).write_text(json.dumps(document))
    files = read_signing(tmp_path, Signing(trusted_root="root.json", signing_config="config.json"))
    assert (files.root, files.config) == (json.dumps(ROOT), json.dumps(CONFIG))
    assert read_signing(tmp_path, Signing()) == SigningFiles()


def test_all_files_that_are_something_else_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "root.json").write_text('{"mediaType":\n oops')
    (tmp_path / "config.json").write_text(json.dumps(ROOT))
    with pytest.raises(InvalidConfig) as caught:
        read_signing(tmp_path, Signing(trusted_root="root.json", signing_config="config.json"))
    assert [str(problem) for problem in caught.value.problems] == [
        "config.json:1:1: is not a signing config of Sigstore: its 'mediaType' does not begin with"
        " application/vnd.dev.sigstore.signingconfig",
        "root.json:2:2: is no JSON: Expecting value",
    ]


def test_urls_come_to_a_signing_config(tmp_path: Path) -> None:
    urls = {name: f"https://{name}.example.com" for name in ("fulcio", "rekor", "timestamp")}
    config = json.loads(read_signing(tmp_path, Signing(**urls)).config or "")
    assert config["caUrls"][0]["url"] == urls["fulcio"]
    assert (config["rekorTlogUrls"][0]["url"], config["rekorTlogUrls"][0]["majorApiVersion"]) == (urls["rekor"], 2)
    assert config["tsaUrls"][0]["url"] == urls["timestamp"]
