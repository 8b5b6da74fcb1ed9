"""GitHub Actions' identity, exchanged for a login at a cloud's registry: no password is kept anywhere.

GitHub gives a job with `permissions: id-token: write` a signed token that says which repository and branch it is of
("OpenID Connect" in GitHub's documentation). Each cloud changes it for a login of its own, if it was told to trust it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests

from pipelines.errors import ConfigError, RegistryError
from pipelines.registry.auth import Login
from pipelines.registry.kind import Kind
from pipelines.registry.sessions import authorities, new_session
from pipelines.registry.words import json_of, lost, said

_SECONDS = 30
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_CHECK = "check the trust that was set up for this repository: docs/registries.md says how"


def from_identity(environ: Mapping[str, str], kind: Kind, registry: str) -> Login | None:
    """A login that the cloud gives for the job's identity; None where no identity, or no role for it, is given.

    :raises ConfigError: a package that it needs is not installed.
    :raises RegistryError: the exchange was refused.
    """
    exchange = _EXCHANGES.get(kind.id)
    if exchange is None or not environ.get(REQUEST_URL) or not environ.get(REQUEST_TOKEN):
        return None
    variables, change = exchange
    if not all(environ.get(name) for name in variables):
        return None
    return change(environ, registry)


def job_token(environ: Mapping[str, str], audience: str) -> str:
    """The job's identity, for one audience. It lives for 5 minutes.

    :raises RegistryError: GitHub gives none.
    """
    headers = {"Authorization": f"Bearer {environ[REQUEST_TOKEN]}"}
    url = f"{environ[REQUEST_URL]}&audience={quote(audience, safe='')}"
    return str(_answer(environ, "GitHub's identity token", "get", url, headers=headers)["value"])


def _aws(environ: Mapping[str, str], registry: str) -> Login:
    """AssumeRoleWithWebIdentity, then ECR's GetAuthorizationToken."""
    try:
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise _lacking("botocore", "aws") from error
    public = registry == "public.ecr.aws"
    region = "us-east-1" if public else registry.split(".")[-4 if registry.endswith(".cn") else -3]
    limits = {"connect_timeout": 10, "read_timeout": _SECONDS}
    session = botocore.session.Session()
    try:
        sts = session.create_client("sts", region_name=region, config=Config(signature_version=UNSIGNED, **limits))
        role = sts.assume_role_with_web_identity(
            RoleArn=environ["AWS_ROLE_ARN"],
            RoleSessionName="sealift",
            WebIdentityToken=job_token(environ, environ.get("AWS_AUDIENCE") or "sts.amazonaws.com"),
        )["Credentials"]
        client = session.create_client(
            "ecr-public" if public else "ecr",
            region_name=region,
            config=Config(**limits),
            aws_access_key_id=role["AccessKeyId"],
            aws_secret_access_key=role["SecretAccessKey"],
            aws_session_token=role["SessionToken"],
        )
        found = client.get_authorization_token()["authorizationData"]
    except (BotoCoreError, ClientError) as error:
        raise RegistryError(f"{registry}: AWS gave no login: {error}", remedy=_CHECK, step="login") from error
    return _split((found if public else found[0])["authorizationToken"])


def _split(token: str) -> Login:
    """ECR's token: name and password, encoded as for HTTP's Basic."""
    name, _, password = base64.b64decode(token).decode().partition(":")
    return Login(username=name, password=password)


def _google(environ: Mapping[str, str], registry: str) -> Login:
    """Workload identity federation; with a service account, its access token."""
    try:
        from google.auth import identity_pool
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError as error:
        raise _lacking("google-auth", "google") from error
    audience = f"//iam.googleapis.com/{environ['GOOGLE_WORKLOAD_IDENTITY_PROVIDER'].lstrip('/')}"

    class Supplier(identity_pool.SubjectTokenSupplier):  # type: ignore[misc,unused-ignore]
        def get_subject_token(self, context: object, request: object) -> str:  # noqa: ARG002 - google-auth's
            return job_token(environ, f"https:{audience}")

    account = environ.get("GOOGLE_SERVICE_ACCOUNT")
    credentials_of = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    session = _session(environ)
    try:
        credentials = identity_pool.Credentials(  # type: ignore[no-untyped-call]
            audience=audience,
            subject_token_type="urn:ietf:params:oauth:token-type:jwt",  # noqa: S106 - a type
            token_url=environ.get("GOOGLE_STS_URL") or "https://sts.googleapis.com/v1/token",
            subject_token_supplier=Supplier(),
            service_account_impersonation_url=f"{credentials_of}/{account}:generateAccessToken" if account else None,
            scopes=["https://www.googleapis.com/auth/cloud-platform"],
        )
        credentials.refresh(Request(session))  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise RegistryError(f"{registry}: Google gave no login: {error}", remedy=_CHECK, step="login") from error
    return Login(username="oauth2accesstoken", password=str(credentials.token))


def _azure(environ: Mapping[str, str], registry: str) -> Login:
    """An access token of Microsoft Entra for the job's identity, exchanged for a refresh token of the registry."""
    authority = (environ.get("AZURE_AUTHORITY_HOST") or "https://login.microsoftonline.com").rstrip("/")
    management = "https://management.azure.com"
    entra = _answer(
        environ, "Microsoft Entra", "post", f"{authority}/{environ['AZURE_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": environ["AZURE_CLIENT_ID"],
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": job_token(environ, "api://AzureADTokenExchange"),
            "scope": f"{management}/.default",
        },
    )  # fmt: skip
    given = _answer(
        environ, registry, "post", f"https://{registry}/oauth2/exchange",
        data={
            "grant_type": "access_token",
            "service": registry,
            "tenant": environ["AZURE_TENANT_ID"],
            "access_token": entra["access_token"],
        },
    )  # fmt: skip
    return Login(username="00000000-0000-0000-0000-000000000000", password=str(given["refresh_token"]))


def _answer(environ: Mapping[str, str], name: str, method: str, url: str, **given: Any) -> dict[str, Any]:
    """:raises RegistryError: a refusal, in its own words, or no answer. Tokens are never among them."""
    try:
        with _session(environ) as session:
            answer = session.request(method, url, timeout=_SECONDS, allow_redirects=False, **given)
            if not answer.ok:
                text = _described(answer)
                raise RegistryError(f"{name}: {text} [http {answer.status_code}]", remedy=_CHECK, step="login")
            return dict(json_of(answer))
    except (OSError, ValueError) as error:
        raise RegistryError(f"{name}: {lost(error)}", remedy=_CHECK, step="login") from error


def _described(answer: requests.Response) -> str:
    """OAuth's own description of what is wrong (RFC 6749, 5.2), else what the answer says."""
    try:
        return str(answer.json()["error_description"]).splitlines()[0][:300]
    except (ValueError, LookupError, TypeError):
        return said(answer)


def _session(environ: Mapping[str, str]) -> requests.Session:
    session = new_session(direct=False)
    session.verify = authorities(environ)
    return session


def _lacking(package: str, extra: str) -> ConfigError:
    return ConfigError(
        f"the login for this registry by the job's identity needs {package}, which is not installed",
        remedy=f"install Sealift with its extra: pip install 'sealift[{extra}]'",
        step="login",
    )


Exchange = Callable[[Mapping[str, str], str], Login]
_EXCHANGES: Mapping[str, tuple[tuple[str, ...], Exchange]] = {
    "ecr": (("AWS_ROLE_ARN",), _aws),
    "ecr-public": (("AWS_ROLE_ARN",), _aws),
    "gar": (("GOOGLE_WORKLOAD_IDENTITY_PROVIDER",), _google),
    "gcr": (("GOOGLE_WORKLOAD_IDENTITY_PROVIDER",), _google),
    "acr": (("AZURE_CLIENT_ID", "AZURE_TENANT_ID"), _azure),
}
"""Kind → the variables that say who we want to be, and the exchange."""
