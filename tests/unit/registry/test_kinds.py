from __future__ import annotations

import re

import pytest

from pipelines.registry.answers import Meaning
from pipelines.registry.kinds import KINDS, Kind, kind_of

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("registry", "kind"),
    [
        ("ghcr.io", "ghcr"),
        ("GHCR.io", "ghcr"),
        ("ghcr.io:443", "ghcr"),
        ("containers.shop.ghe.com", "ghcr"),
        ("docker.io", "docker-hub"),
        ("index.docker.io", "docker-hub"),
        ("registry-1.docker.io", "docker-hub"),
        (ECR, "ecr"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr"),
        ("123456789012.dkr-ecr.us-west-2.on.aws", "ecr"),
        ("public.ecr.aws", "ecr-public"),
        ("europe-docker.pkg.dev", "gar"),
        ("us-central1-docker.pkg.dev", "gar"),
        ("gcr.io", "gcr"),
        ("eu.gcr.io", "gcr"),
        ("shop.azurecr.io", "acr"),
        ("shop.azurecr.cn", "acr"),
        ("shop.azurecr.us", "acr"),
        ("quay.io", "quay"),
        ("registry.digitalocean.com", "digitalocean"),
        ("localhost:5000", "self-hosted"),
        ("registry.example", "self-hosted"),
        ("[::1]:5000", "self-hosted"),
        ("ghcr.io:5000", "self-hosted"),
        ("ghcr.io.example", "self-hosted"),
        ("notghcr.io", "self-hosted"),
        ("12345.dkr.ecr.eu-central-1.amazonaws.com", "self-hosted"),
        ("docker.io.example", "self-hosted"),
        ("evil-azurecr.io", "self-hosted"),
    ],
)
def test_a_kind_is_told_by_the_host(registry: str, kind: str) -> None:
    assert kind_of(registry).id == kind


@pytest.mark.parametrize(
    ("registry", "api", "login"),
    [
        ("docker.io", "registry-1.docker.io", "docker.io"),
        ("index.docker.io", "registry-1.docker.io", "docker.io"),
        ("localhost:5000", "localhost:5000", "localhost:5000"),
        ("Registry.Example:5000", "Registry.Example:5000", "Registry.Example:5000"),
        ("ghcr.io", "ghcr.io", "ghcr.io"),
    ],
)
def test_where_the_api_and_the_login_are(registry: str, api: str, login: str) -> None:
    found = kind_of(registry)
    assert (found.host, found.login_host) == (api, login)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_nothing_is_left_to_fill_in(kind: Kind) -> None:
    hosts = {"ghcr": "ghcr.io", "docker-hub": "docker.io", "ecr": ECR, "ecr-public": "public.ecr.aws",
             "gar": "europe-docker.pkg.dev", "gcr": "gcr.io", "acr": "shop.azurecr.io", "quay": "quay.io",
             "digitalocean": "registry.digitalocean.com", "self-hosted": "localhost:5000"}  # fmt: skip
    found = kind_of(hosts[kind.id])
    assert found.id == kind.id
    texts = [*found.setup, found.delete, *(remedy for _, remedy in found.refusals)]
    assert not any(re.search(r"\{\w+\}", text) for text in texts)
    assert found.deletes or found.delete
    assert "-stdin" in found.login, "secrets never stand in a command"


@pytest.mark.parametrize(
    ("registry", "found", "text", "advice"),
    [
        ("ghcr.io", Meaning.FORBIDDEN, "DENIED: permission_denied: write_package", "packages: write"),
        ("ghcr.io", Meaning.FORBIDDEN, "DENIED: installation not allowed to Create organization package",
         "Manage Actions"),
        ("ghcr.io", Meaning.NO_DELETE, "UNSUPPORTED: The operation is unsupported.", "package's settings on GitHub"),
        ("docker.io", Meaning.UNAUTHORIZED, "UNAUTHORIZED: insufficient_scope: authorization failed",
         "'prefix' must begin"),
        ("docker.io", Meaning.BUSY, "TOOMANYREQUESTS: You have reached your pull rate limit.", "rate limit is used up"),
        (ECR, Meaning.UNAUTHORIZED, "no basic auth credentials", "get-login-password --region eu-central-1 | sealift"),
        (ECR, Meaning.FORBIDDEN, "DENIED: Your authorization token has expired. Reauthenticate and try again.",
         "12 hours"),
        (ECR, Meaning.NOT_FOUND, "NAME_UNKNOWN: The repository with name 'web' does not exist in the registry with id"
         " '123456789012'", "aws ecr create-repository --region eu-central-1"),
        (ECR, Meaning.FORBIDDEN, "DENIED: User: arn:aws:sts::123456789012:assumed-role/ci is not authorized to perform:"
         " ecr:InitiateLayerUpload on resource: …", "PutImage"),
        ("public.ecr.aws", Meaning.NOT_FOUND, "NAME_UNKNOWN: repository does not exist",
         "ecr-public create-repository"),
        ("europe-docker.pkg.dev", Meaning.FORBIDDEN, 'DENIED: Permission '
         '"artifactregistry.repositories.uploadArtifacts"'
         ' denied on resource "…" (or it may not exist)', "roles/artifactregistry.writer"),
        ("europe-docker.pkg.dev", Meaning.NOT_FOUND, 'NAME_UNKNOWN: Repository "images" not found',
         "--location=europe"),
        ("shop.azurecr.io", Meaning.UNAUTHORIZED, "UNAUTHORIZED: authentication required", "az acr login"),
        ("shop.azurecr.io", Meaning.FORBIDDEN, "DENIED: client with IP '192.0.2.1' is not allowed access",
         "network rules"),
        ("quay.io", Meaning.UNAUTHORIZED, "UNAUTHORIZED: access to the requested resource is not authorized",
         "robot account"),
        ("registry.digitalocean.com", Meaning.NOT_FOUND, "NAME_UNKNOWN: registry not found", "doctl registry get"),
        ("registry.digitalocean.com", Meaning.UNAUTHORIZED, "UNAUTHORIZED: authentication required",
         "--password-stdin"),
        ("localhost:5000", Meaning.UNAUTHORIZED, "UNAUTHORIZED: authentication required",
         "registry login localhost:5000"),
        ("localhost:5000", Meaning.FORBIDDEN, "DENIED", "write permission"),
        ("localhost:5000", Meaning.NO_DELETE, "UNSUPPORTED", "storage.delete.enabled"),
    ],
)  # fmt: skip
def test_what_to_do_about_a_refusal(registry: str, found: Meaning, text: str, advice: str) -> None:
    assert advice in kind_of(registry).advice(found, text)
