"""What the clients of key management services read from the environment, for Cosign's container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dagger

from ci.addresses import own_name

PLAIN: Final = (
    # Amazon (aws-sdk-go-v2, config.EnvConfig)
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_ARN",
    "AWS_TLS_INSECURE_SKIP_VERIFY",
    # Azure (azidentity.EnvironmentCredential)
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_AUTHORITY_HOST",
    # HashiCorp Vault and OpenBao (vault/api, and sigstore/pkg/signature/kms/hashivault)
    "VAULT_ADDR",
    "VAULT_NAMESPACE",
    "BAO_ADDR",
    "TRANSIT_SECRET_ENGINE_PATH",
)
"""Given to Cosign's container as they are, where a key in a KMS signs.

None is a secret, and none may be made one: the engine blots out secrets in what a tool prints, be it a single digit.
"""

SECRET: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "VAULT_TOKEN",
    "BAO_TOKEN",
)
"""Given to it as secrets."""

FILES: Final = {
    "GOOGLE_APPLICATION_CREDENTIALS": "/run/sealift/google-credentials.json",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/sealift/aws-identity-token",
}
"""Variables that name a file with credentials → where Cosign's container has that file."""


def addresses(environ: Mapping[str, str]) -> list[str]:
    """URLs of a KMS that variables give."""
    return [environ[name] for name in PLAIN if name.endswith("_ADDR") and environ.get(name)]


def plain_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Name → value, of those that are set and are no secrets."""
    given = {name: environ[name] for name in PLAIN if environ.get(name)}
    return given | {name: path for name, path in FILES.items() if environ.get(name)}


def secrets_of(client: dagger.Client, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Name → secret, of those that are set."""
    return {name: client.set_secret(own_name(f"kms-{name}"), environ[name]) for name in SECRET if environ.get(name)}


def files_of(client: dagger.Client, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Path in Cosign's container → secret, of the files that are named."""
    named = {path: environ[name] for name, path in FILES.items() if environ.get(name)}
    return {path: client.address(f"file://{file}").secret() for path, file in named.items()}
