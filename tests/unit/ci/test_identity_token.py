"""Identity tokens: what one says is looked at before anything is built with it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import jwt
import pytest

from ci.identity_claims import check_claims, claims_of, workflow_of
from ci.identity_token import check_destination, has_identity
from ci.signer import check_signable, method_of
from pipelines.config import Settings, parse, resolve
from pipelines.errors import ConfigError, SigningError
from pipelines.trust import GITHUB_ISSUER

SUBJECT = "https://github.com/example/shop/.github/workflows/release.yml@refs/heads/main"
GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.com/?a=b", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}
NOW = 1_750_000_000.0


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def make(signing: str = f"{{identities: [{{subject: {SUBJECT}}}]}}", env: str = "prod") -> Settings:
        text = f"""\
version: 1
project: shop
source: https://github.com/example/shop
services: {{web: {{}}}}
signing: {signing}
environments: {{local: {{registry: 'localhost:5000'}}, prod: {{registry: ghcr.io}}}}
"""
        return resolve(parse(text), environ={"SEALIFT_ENV": env})

    return make


def token(**claims: object) -> str:
    return jwt.encode({"iss": GITHUB_ISSUER, "exp": NOW + 300, **claims}, secrets.token_hex(32), algorithm="HS256")


def test_what_a_token_says() -> None:
    assert claims_of(token(repository="example/shop"))["repository"] == "example/shop"
    for text in ("", "not-a-token", "a.b.c", jwt.encode({"exp": 1}, secrets.token_hex(32), algorithm="HS256")):
        with pytest.raises(SigningError, match="what is given as an identity token is none") as caught:
            claims_of(text)
        assert not text or text not in str(caught.value)


def test_an_expired_token(settings: Callable[..., Settings]) -> None:
    with pytest.raises(SigningError, match="has expired 60 s ago"):
        check_claims(claims_of(token(exp=NOW - 60)), settings(), now=NOW)


def test_a_token_of_an_issuer_whose_identities_do_not_count(settings: Callable[..., Settings]) -> None:
    with pytest.raises(
        ConfigError, match=r"sign as somebody whom https://other vouches for.*only the issuer https://t"
    ):
        check_claims(claims_of(token(iss="https://other")), settings(), now=NOW)


CALLED = f"acme/ci/.github/workflows/release.yml@{'0' * 40}"
BY_US = f"{{identities: [{{subject: 'https://github.com/{CALLED}', repository: example/shop}}]}}"
AT_A_TAG = BY_US.replace("repository", "ref: 'refs/tags/{version}', repository")
BY_VERSION = "{identities: [{subject: 'https://github.com/example/shop/.github/workflows/r.yml@refs/tags/{version}'}]}"


@pytest.mark.parametrize(
    ("signing", "claims"),
    [
        (BY_US, {"job_workflow_ref": CALLED, "repository": "example/shop"}),
        (AT_A_TAG, {"job_workflow_ref": CALLED, "repository": "example/shop", "ref": "refs/tags/v1.2.3"}),
        (BY_VERSION, {"job_workflow_ref": "example/shop/.github/workflows/r.yml@refs/tags/v1.2.3"}),
        # Not GitHub's: what its certificate will say is not known here.
        (BY_VERSION, {"sub": "somebody"}),
    ],
)
def test_a_job_that_counts(settings: Callable[..., Settings], signing: str, claims: dict[str, str]) -> None:
    check_claims(claims_of(token(**claims)), settings(signing), now=NOW)


@pytest.mark.parametrize(
    ("signing", "claims", "said"),
    [
        (
            BY_US, {"job_workflow_ref": CALLED, "repository": "acme/other"},
            f"would sign as {CALLED} in a job of acme/other, and nobody could verify it: 'signing.identities' has only"
            f" https://github.com/{CALLED} in a job of example/shop",
        ),
        (BY_US, {"job_workflow_ref": CALLED}, f"would sign as {CALLED}, and nobody"),
        (BY_US, {"job_workflow_ref": CALLED.replace("0", "1"), "repository": "example/shop"}, "would sign as acme/ci/"),
        (
            AT_A_TAG, {"job_workflow_ref": CALLED, "repository": "example/shop", "ref": "refs/heads/main"},
            f"would sign as {CALLED} in a job of example/shop at refs/heads/main, and nobody could verify it:"
            f" 'signing.identities' has only https://github.com/{CALLED} in a job of example/shop at refs/tags/"
            "{version}",
        ),
        # The workflow that was started is not the one that signs.
        (BY_US, {"workflow_ref": CALLED, "job_workflow_ref": "a/b/c.yml@d", "repository": "example/shop"}, "as a/b/c"),
        (BY_VERSION, {"job_workflow_ref": "example/shop/.github/workflows/rxyml@refs/tags/v1"}, "would sign as"),
        (BY_VERSION, {"job_workflow_ref": "a/example/shop/.github/workflows/r.yml@refs/tags/v1"}, "would sign as"),
    ],
)  # fmt: skip
def test_a_job_that_nobody_could_verify(
    settings: Callable[..., Settings], signing: str, claims: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_claims(claims_of(token(**claims)), settings(signing), now=NOW)
    assert said in str(caught.value)


def test_the_workflow_that_decides_is_the_called_one() -> None:
    claims = claims_of(
        token(job_workflow_ref=CALLED, workflow_ref="example/shop/.github/workflows/r.yml@refs/heads/main")
    )
    assert workflow_of(claims, {}) == f"https://github.com/{CALLED}"
    assert (
        workflow_of(claims, {"GITHUB_SERVER_URL": "https://github.example.com"})
        == f"https://github.example.com/{CALLED}"
    )
    assert workflow_of(claims_of(token()), {}) is None


def test_a_private_repository_is_told_that_its_name_becomes_public(settings: Callable[..., Settings]) -> None:
    private = claims_of(token(repository="example/shop", repository_visibility="private"))
    with pytest.raises(ConfigError, match="example/shop is private, and its name") as caught:
        check_claims(private, settings(), now=NOW)
    assert "public_log: true" in caught.value.remedy
    agreed = f"{{public_log: true, identities: [{{subject: {SUBJECT}}}]}}"
    check_claims(private, settings(agreed), now=NOW)
    own = f"{{identities: [{{subject: {SUBJECT}}}], signing_config: c.json, trusted_root: r.json}}"
    check_claims(private, settings(own), now=NOW)
    check_claims(claims_of(token(repository_visibility="public")), settings(), now=NOW)


@pytest.mark.parametrize(
    ("signing", "env", "environ", "method"),
    [
        ("{}", "local", {}, "key"),
        ("{}", "prod", {"SIGNING_KEY": "env://K"}, "key"),
        ("{}", "prod", {"SIGNING_KEY": "awskms:///alias/a"}, "kms"),
        ("{key: 'hashivault://release'}", "prod", {}, "kms"),
        ("{}", "prod", GITHUB, "keyless"),
        ("{}", "local", GITHUB, "key"),
        (f"{{identities: [{{subject: {SUBJECT}}}]}}", "local", GITHUB, "keyless"),
        (f"{{identities: [{{subject: {SUBJECT}}}]}}", "local", {}, "key"),
        (f"{{identities: [{{subject: {SUBJECT}}}]}}", "prod", {}, "keyless"),
        ("{method: key}", "prod", GITHUB, "key"),
    ],
)
def test_how_a_run_signs(
    settings: Callable[..., Settings], signing: str, env: str, environ: dict[str, str], method: str
) -> None:
    assert method_of(environ, settings(signing, env)) == method


@pytest.mark.parametrize(
    ("signing", "environ", "said", "remedy"),
    [
        ("{}", {}, "no signing key for the environment 'prod', and no identity", "SIGNING_KEY"),
        ("{method: key}", {}, "no signing key for the environment 'prod'", "SIGNING_KEY"),
        (f"{{identities: [{{subject: {SUBJECT}}}]}}", {}, "no identity to sign with", "id-token: write"),
    ],
)
def test_nothing_to_sign_with(
    settings: Callable[..., Settings], tmp_path: object, signing: str, environ: dict[str, str], said: str, remedy: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        check_signable(environ, settings(signing), tmp_path)  # type: ignore[arg-type]
    assert remedy in caught.value.remedy


def test_whoever_gives_a_token_counts() -> None:
    assert has_identity(GITHUB)
    assert has_identity({"SIGNING_TOKEN": "env://T"})
    assert has_identity({"SIGSTORE_ID_TOKEN": "x"})
    assert not has_identity({"ACTIONS_ID_TOKEN_REQUEST_URL": GITHUB["ACTIONS_ID_TOKEN_REQUEST_URL"]})


def fulcio(*urls: str) -> str:
    return json.dumps({"caUrls": [{"url": url} for url in urls]})


@pytest.mark.parametrize(
    ("config", "environ"),
    [
        (None, {}),
        (fulcio("https://fulcio.sigstore.dev"), {}),
        (fulcio("http://127.0.0.1:5555", "http://localhost:5556", "http://[::1]:5557"), {}),
        (
            fulcio("https://a.example/", "https://b.example"),
            {"SEALIFT_ALLOW_FULCIO": "https://a.example https://b.example/"},
        ),
    ],
)
def test_a_token_goes_where_the_machine_lets_it(config: str | None, environ: dict[str, str]) -> None:
    check_destination(environ, config)


@pytest.mark.parametrize(
    "url",
    [
        "https://fulcio.evil.example",
        "http://fulcio.sigstore.dev",
        "https://fulcio.sigstore.dev.evil.example",
        "https://localhost:x@evil.example",
        "https://localhost.evil.example:80",
    ],
)
def test_a_configuration_does_not_say_where_a_token_goes(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_destination({"SEALIFT_ALLOW_FULCIO": "https://other.example"}, fulcio("https://fulcio.sigstore.dev", url))
    assert f"the identity token would go to '{url}', which the configuration names" in str(caught.value)
    assert f"set SEALIFT_ALLOW_FULCIO={url}," in caught.value.remedy
