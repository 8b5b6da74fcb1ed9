"""What the clients of key management services read from the environment, for Cosign's container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dagger

VARIABLES: Final = (
    # Amazon (aws-sdk-go-v2, config.EnvConfig)
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_TLS_INSECURE_SKIP_VERIFY",
    # Azure (azidentity.EnvironmentCredential)
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_AUTHORITY_HOST",
    # HashiCorp Vault (vault/api, and sigstore/pkg/signature/kms/hashivault)
    "VAULT_ADDR",
    "VAULT_TOKEN",
    "VAULT_NAMESPACE",
    "TRANSIT_SECRET_ENGINE_PATH",
)
"""Given to Cosign's container as they are, where a key in a KMS signs; each as a secret."""

FILES: Final = {
    "GOOGLE_APPLICATION_CREDENTIALS": "/run/sealift/google-credentials.json",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/sealift/aws-identity-token",
}
"""Variables that name a file with credentials → where Cosign's container has that file."""


async def variables_of(client: dagger.Client, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Name → secret, of those that are set."""
    given = {name: environ[name] for name in VARIABLES if environ.get(name)}
    given |= {name: path for name, path in FILES.items() if environ.get(name)}
    if "AWS_WEB_IDENTITY_TOKEN_FILE" in given and environ.get("AWS_ROLE_ARN"):
        given["AWS_ROLE_ARN"] = environ["AWS_ROLE_ARN"]
    return {name: client.set_secret(f"kms-{name}", value) for name, value in given.items()}


async def files_of(client: dagger.Client, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Path in Cosign's container → secret, of the files that are named."""
    return {
        path: client.address(f"file://{environ[name]}").secret() for name, path in FILES.items() if environ.get(name)
    }
