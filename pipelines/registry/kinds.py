"""Kinds of registries: told by the host, with what differs between them. Pure.

What is said here is from the services' own documentation; docs/registries.md says which were ever spoken to.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pipelines.registry.kind import Kind

_CREATE_ECR = "aws ecr create-repository --region {region} --repository-name REPOSITORY"
_LOGIN_ECR = (
    "aws ecr get-login-password --region {region} | sealift registry login {host} --username AWS --password-stdin"
)
_CREATE_ECR_PUBLIC = "aws ecr-public create-repository --region us-east-1 --repository-name REPOSITORY"
_CREATE_GAR = "gcloud artifacts repositories create NAME --repository-format=docker --location={region}"

_GHCR = Kind(
    id="ghcr",
    name="GitHub Container Registry",
    pattern=r"ghcr\.io|containers\.[a-z0-9.-]+\.ghe\.com",
    give="a personal access token (classic) with write:packages; in GitHub Actions GITHUB_TOKEN is found by itself",
    referrers=False,
    deletes=False,
    delete="in the package's settings on GitHub, or 'gh api --method DELETE /user/packages/container/NAME/versions/ID'",
    refusals=(
        (
            r"permission_denied: write_package|installation not allowed to (write|create)",
            "in GitHub Actions: give the job 'permissions: packages: write', and the repository the role Write under"
            " 'Manage Actions access' in the package's settings; elsewhere: a token with write:packages of somebody who"
            " may write there; 'prefix' must begin with the owner, in lower case",
        ),
        (r"does not match expected scopes", "use a token (classic) with the scope write:packages"),
    ),
)
_DOCKER_HUB = Kind(
    id="docker-hub",
    name="Docker Hub",
    pattern=r"(index\.|registry-1\.|www\.)?docker\.io|registry\.hub\.docker\.com",
    host="registry-1.docker.io",
    give="a personal access token with Read & Write; to delete, Read, Write & Delete",
    creates="the first push makes it, in one's own namespace; an organisation's members need leave to create",
    referrers=False,
    deletes=False,
    delete="on hub.docker.com, under Tags",
    refusals=(
        (
            r"insufficient_scope|requested access to the resource is denied",
            "'prefix' must begin with your user name or organisation; the token needs Read & Write, the repository must"
            " exist or you must be allowed to create it",
        ),
        (
            r"pull rate limit|toomanyrequests",
            "the pull rate limit is used up: log in (it is higher then), wait for up to 6 hours, or pull from a mirror",
        ),
    ),
)
_ECR = Kind(
    id="ecr",
    name="Amazon ECR",
    pattern=r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws)",
    username="AWS",
    give="the output of 'aws ecr get-login-password', good for 12 hours",
    login=_LOGIN_ECR,
    create=_CREATE_ECR,
    creates="must exist before (or a repository creation template must allow it)",
    deletes=False,
    delete="'aws ecr batch-delete-image --region {region} --repository-name REPOSITORY --image-ids imageDigest=DIGEST'",
    refusals=(
        (
            r"no basic auth credentials|authorization token has expired|not authorized: .*GetAuthorizationToken",
            f"the login is missing or older than 12 hours: {_LOGIN_ECR}",
        ),
        (
            r"RepositoryNotFound|repository with name .* does not exist|name unknown",
            f"ECR makes no repository by a push: {_CREATE_ECR}",
        ),
        (
            r"is not authorized to perform: ecr:|AccessDenied",
            "give the role or user the actions that the message names; to push: ecr:InitiateLayerUpload,"
            " UploadLayerPart, CompleteLayerUpload, PutImage, BatchCheckLayerAvailability; to read: BatchGetImage",
        ),
    ),
)
_ECR_PUBLIC = replace(
    _ECR,
    id="ecr-public",
    name="Amazon ECR Public",
    pattern=r"public\.ecr\.aws",
    give="the output of 'aws ecr-public get-login-password --region us-east-1', good for 12 hours",
    login="aws ecr-public get-login-password --region us-east-1"
    " | sealift registry login {host} --username AWS --password-stdin",
    create=_CREATE_ECR_PUBLIC,
    creates="must exist before",
    delete="'aws ecr-public batch-delete-image --region us-east-1 --repository-name REPOSITORY --image-ids …'",
    refusals=(
        (r"RepositoryNotFound|does not exist|name unknown", f"ECR makes no repository by a push: {_CREATE_ECR_PUBLIC}"),
    ),
)
_GAR = Kind(
    id="gar",
    name="Google Artifact Registry",
    pattern=r"(?P<region>[a-z0-9-]+)-docker\.pkg\.dev|docker\.pkg\.dev",
    username="oauth2accesstoken",
    refresh_user="oauth2accesstoken",
    give="the output of 'gcloud auth print-access-token', good for an hour; a key file goes with the name _json_key",
    login="gcloud auth print-access-token"
    " | sealift registry login {host} --username oauth2accesstoken --password-stdin",
    create=_CREATE_GAR,
    creates="PROJECT/NAME must exist before; what is below it, the first push makes",
    refusals=(
        (
            r"uploadArtifacts|downloadArtifacts|Permission .* denied|denied: permission",
            "give the account roles/artifactregistry.writer on the repository (reader to pull, repoAdmin to delete);"
            " Google says 'denied' too where the project or repository does not exist",
        ),
        (r"Repository .* not found|name unknown", f"make it first: {_CREATE_GAR}; 'prefix' is PROJECT/NAME/"),
        (r"Unauthenticated request|invalid authentication credentials|token expired", "log in again: access tokens are"
         " good for an hour: gcloud auth print-access-token"
         " | sealift registry login {host} --username oauth2accesstoken --password-stdin"),
    ),
)  # fmt: skip
_GCR = replace(
    _GAR,
    id="gcr",
    name="Google Container Registry (served by Artifact Registry)",
    pattern=r"((us|eu|asia)\.)?gcr\.io",
    create=None,
    creates="the first push makes it, if the account has artifactregistry.repositories.createOnPush",
)
_ACR = Kind(
    id="acr",
    name="Azure Container Registry",
    pattern=r"[a-z0-9-]+(\.[a-z0-9-]+\.data)?\.azurecr\.(io|cn|us)",
    refresh_user="00000000-0000-0000-0000-000000000000",
    give="of a service principal or a token of the registry; or, with the user name"
    " 00000000-0000-0000-0000-000000000000, what 'az acr login --expose-token' prints, good for 3 hours",
    login="az acr login --name NAME --expose-token --output tsv --query accessToken"
    " | sealift registry login {host} --username 00000000-0000-0000-0000-000000000000 --password-stdin",
    catalog=True,
    refusals=(
        (
            r"unauthorized: .*access to the resource|insufficient_scope|denied: requested access",
            "give the account AcrPush on the registry (AcrPull to pull, AcrDelete to delete)",
        ),
        (
            r"is not allowed access|firewall",
            "the registry's firewall refuses this address: add it to its network rules",
        ),
    ),
)
_QUAY = Kind(
    id="quay",
    name="Quay",
    pattern=r"quay\.io",
    give="of a robot account (user name ORGANISATION+NAME), with Write on the repository",
    creates="the first push makes it, private, if the account may create in the organisation",
    refusals=(
        (
            r"access to the requested resource is not authorized|unauthorized: access|insufficient_scope|\bdenied\b",
            "give the robot account Write on the repository, and Creator in the organisation if it is not there yet",
        ),
    ),
)
_DIGITALOCEAN = Kind(
    id="digitalocean",
    name="DigitalOcean Container Registry",
    pattern=r"registry\.digitalocean\.com",
    give="an API token with the scopes of the registry; it is the user name as well",
    login="sealift registry login {host} --password-stdin",
    token_is_user=True,
    creates="the first push makes it; the registry itself is made before: doctl registry create NAME",
    deletes=True,
    refusals=(
        (
            r"registry .*not found|name unknown|denied",
            "'prefix' must begin with the registry's name: doctl registry get; while it collects garbage it takes no"
            " writes, and each plan allows so many repositories",
        ),
    ),
)
_SELF_HOSTED = Kind(id="self-hosted", name="self-hosted", pattern=r".*", catalog=True)

KINDS = (_GHCR, _DOCKER_HUB, _ECR, _ECR_PUBLIC, _GAR, _GCR, _ACR, _QUAY, _DIGITALOCEAN, _SELF_HOSTED)
"""All of them; the last is what nothing else is."""


def kind_of(registry: str) -> Kind:
    """The kind of a registry, by its host; its texts filled in with host and region."""
    name = registry.lower()
    host = name.removesuffix(":443")
    for kind in KINDS:
        if found := re.fullmatch(kind.pattern, host):
            region = found.groupdict().get("region") or "REGION"
            return _filled(kind, registry if kind.id == "self-hosted" else host, region)
    raise AssertionError("the last pattern takes everything")


def _filled(kind: Kind, host: str, region: str) -> Kind:
    def fill(text: str) -> str:
        return text.replace("{host}", host).replace("{region}", region)

    return replace(
        kind,
        host=fill(kind.host),
        login=fill(kind.login),
        create=fill(kind.create) if kind.create else None,
        delete=fill(kind.delete),
        refusals=tuple((expression, fill(remedy)) for expression, remedy in kind.refusals),
    )
