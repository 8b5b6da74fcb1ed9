"""What the clients of key management services read from the environment, for Cosign's container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dagger

from pipelines.stages.toolbox import Toolbox, as_seen_by_tools

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
    # HashiCorp Vault and OpenBao (vault/api, and sigstore/pkg/signature/kms/hashivault)
    "VAULT_ADDR",
    "VAULT_TOKEN",
    "BAO_ADDR",
    "BAO_TOKEN",
    "VAULT_NAMESPACE",
    "TRANSIT_SECRET_ENGINE_PATH",
)
"""Given to Cosign's container as they are, where a key in a KMS signs; each as a secret."""

FILES: Final = {
    "GOOGLE_APPLICATION_CREDENTIALS": "/run/sealift/google-credentials.json",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/sealift/aws-identity-token",
}
"""Variables that name a file with credentials → where Cosign's container has that file."""


def addresses(environ: Mapping[str, str]) -> list[str]:
    """URLs of a KMS that variables give."""
    return [environ[name] for name in VARIABLES if name.endswith("_ADDR") and environ.get(name)]


def variables_of(toolbox: Toolbox, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Name → secret, of those that are set."""
    given = {name: as_seen_by_tools(environ[name], toolbox.signing) for name in VARIABLES if environ.get(name)}
    given |= {name: path for name, path in FILES.items() if environ.get(name)}
    if "AWS_WEB_IDENTITY_TOKEN_FILE" in given and environ.get("AWS_ROLE_ARN"):
        given["AWS_ROLE_ARN"] = environ["AWS_ROLE_ARN"]
    return {name: toolbox.client.set_secret(f"kms-{name}", value) for name, value in given.items()}


def files_of(toolbox: Toolbox, environ: Mapping[str, str]) -> Mapping[str, dagger.Secret]:
    """Path in Cosign's container → secret, of the files that are named."""
    return {
        path: toolbox.client.address(f"file://{environ[name]}").secret()
        for name, path in FILES.items()
        if environ.get(name)
    }
