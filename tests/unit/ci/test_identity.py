"""The exchanges of an identity for a login, as the clouds' published interfaces have them; the server is here.

None of these was ever run against the real service.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ci import identity
from ci.identity import from_identity
from pipelines.errors import ConfigError, RegistryError
from pipelines.registry.auth import Login
from pipelines.registry.kinds import kind_of

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
CREDENTIALS = """\
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>KEYID</AccessKeyId><SecretAccessKey>made-up</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
REFUSED = """\
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"""


@dataclass
class Cloud:
    """GitHub and the clouds, as far as they are asked. `answers` is path → status and body."""

    port: int
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def cloud() -> Iterator[Cloud]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = {**parse_qs(parts.query), **(parse_qs(body) if "=" in body else {})}
            made.asked.append((parts.path, form, dict(self.headers)))
            status, text = made.answers[parts.path]
            self.send_response(status)
            self.send_header("Content-Type", "text/xml" if text.startswith("<") else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Cloud(port=server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with cloud() as made:
        made.answers["/github"] = (200, json.dumps({"value": "the-job"}))
        for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC"):
            monkeypatch.setenv(name, made.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield made


def job(sky: Cloud, **more: str) -> dict[str, str]:
    return {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{sky.url}/github?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "for-asking",
        **more,
    }


def login(environ: dict[str, str], registry: str) -> Login | None:
    return from_identity(environ, kind_of(registry), registry)


@pytest.mark.parametrize("registry", [ECR, "public.ecr.aws"])
def test_aws(sky: Cloud, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
    token = {"authorizationToken": base64.b64encode(b"AWS:pass:word").decode(), "expiresAt": 4070908800}
    data: Any = token if registry == "public.ecr.aws" else [token]

    # Both services are asked at "/": first STS, then ECR.
    answers = iter([(200, CREDENTIALS), (200, json.dumps({"authorizationData": data}))])

    class Turns(dict[str, tuple[int, str]]):
        def __getitem__(self, path: str) -> tuple[int, str]:
            return next(answers) if path == "/" else super().__getitem__(path)

    sky.answers = Turns(sky.answers)
    found = login(job(sky, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/ci"), registry)
    assert found == Login(username="AWS", password="pass:word")
    (_, github, headers), (_, sts, unsigned), (_, _, signed) = sky.asked
    assert github == {"api-version": ["2"], "audience": ["sts.amazonaws.com"]}
    assert headers["Authorization"] == "Bearer for-asking"
    assert sts["RoleArn"] == ["arn:aws:iam::123456789012:role/ci"]
    assert sts["WebIdentityToken"] == ["the-job"]
    assert "Authorization" not in unsigned
    region = "us-east-1" if registry == "public.ecr.aws" else "eu-central-1"
    assert f"KEYID/{signed['X-Amz-Date'][:8]}/{region}/" in signed["Authorization"]
    assert signed["X-Amz-Target"].endswith("GetAuthorizationToken")


def test_aws_that_does_not_trust_the_job(sky: Cloud) -> None:
    sky.answers["/"] = (403, REFUSED)
    with pytest.raises(RegistryError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity") as caught:
        login(job(sky, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/ci"), ECR)
    assert "the-job" not in str(caught.value)


def test_google(sky: Cloud) -> None:
    token = {"access_token": "short-lived", "expires_in": 3600, "issued_token_type": "t", "token_type": "Bearer"}
    sky.answers["/sts"] = (200, json.dumps(token))
    provider = "projects/1/locations/global/workloadIdentityPools/p/providers/github"
    environ = job(sky, GOOGLE_WORKLOAD_IDENTITY_PROVIDER=provider, GOOGLE_STS_URL=f"{sky.url}/sts")
    assert login(environ, "europe-docker.pkg.dev") == Login(username="oauth2accesstoken", password="short-lived")
    (_, github, _), (_, sts, _) = sky.asked
    assert github["audience"] == [f"https://iam.googleapis.com/{provider}"]
    assert sts["audience"] == [f"//iam.googleapis.com/{provider}"]
    assert sts["subject_token"] == ["the-job"]


def test_google_that_does_not_trust_the_job(sky: Cloud) -> None:
    sky.answers["/sts"] = (400, json.dumps({"error": "invalid_grant", "error_description": "no such pool"}))
    environ = job(sky, GOOGLE_WORKLOAD_IDENTITY_PROVIDER="projects/1", GOOGLE_STS_URL=f"{sky.url}/sts")
    with pytest.raises(RegistryError, match="no such pool"):
        login(environ, "gcr.io")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, sky: Cloud) -> None:
    """The registry's own part of the exchange, over https by nature, goes to the server here."""
    real = identity._answer

    def here(environ: Any, name: str, method: str, url: str, **given: Any) -> dict[str, Any]:
        return real(environ, name, method, url.replace("https://shop.azurecr.io", sky.url), **given)

    monkeypatch.setattr(identity, "_answer", here)


AZURE = {"AZURE_CLIENT_ID": "the-client", "AZURE_TENANT_ID": "the-tenant"}


@pytest.mark.usefixtures("plain")
def test_azure(sky: Cloud) -> None:
    sky.answers["/the-tenant/oauth2/v2.0/token"] = (200, json.dumps({"access_token": "of-entra"}))
    sky.answers["/oauth2/exchange"] = (200, json.dumps({"refresh_token": "of-the-registry"}))
    found = login(job(sky, **AZURE, AZURE_AUTHORITY_HOST=sky.url), "shop.azurecr.io")
    assert found == Login(username="00000000-0000-0000-0000-000000000000", password="of-the-registry")
    (_, github, _), (_, entra, _), (_, exchange, _) = sky.asked
    assert github["audience"] == ["api://AzureADTokenExchange"]
    assert (entra["client_assertion"], entra["client_id"]) == (["the-job"], ["the-client"])
    assert (exchange["access_token"], exchange["service"]) == (["of-entra"], ["shop.azurecr.io"])


@pytest.mark.usefixtures("plain")
def test_azure_that_does_not_trust_the_job(sky: Cloud) -> None:
    refusal = {
        "error": "invalid_client",
        "error_description": "AADSTS70021: no matching federated identity\r\nTrace: 1",
    }
    sky.answers["/the-tenant/oauth2/v2.0/token"] = (401, json.dumps(refusal))
    with pytest.raises(RegistryError, match=r"AADSTS70021: no matching federated identity \[http 401\]"):
        login(job(sky, **AZURE, AZURE_AUTHORITY_HOST=sky.url), "shop.azurecr.io")


def test_a_job_without_the_permission(sky: Cloud) -> None:
    sky.answers["/github"] = (403, '{"message": "Resource not accessible by integration"}')
    with pytest.raises(RegistryError, match=r"GitHub's identity token: .*\[http 403\]"):
        login(job(sky, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/ci"), ECR)


@pytest.mark.parametrize("registry", ["ghcr.io", "quay.io", "localhost:5000", ECR, "gcr.io", "shop.azurecr.io"])
def test_who_named_no_role_is_not_exchanged(sky: Cloud, registry: str) -> None:
    assert login(job(sky), registry) is None
    assert login({"AWS_ROLE_ARN": "a", "GOOGLE_WORKLOAD_IDENTITY_PROVIDER": "p", **AZURE}, registry) is None
    assert sky.asked == []


@pytest.mark.parametrize(
    ("registry", "module", "extra"), [(ECR, "botocore.session", "aws"), ("gcr.io", "google.auth", "google")]
)
def test_a_package_that_is_not_there(
    sky: Cloud, monkeypatch: pytest.MonkeyPatch, registry: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    environ = job(sky, AWS_ROLE_ARN="a", GOOGLE_WORKLOAD_IDENTITY_PROVIDER="p")
    with pytest.raises(ConfigError) as caught:
        login(environ, registry)
    assert f"sealift[{extra}]" in caught.value.remedy
