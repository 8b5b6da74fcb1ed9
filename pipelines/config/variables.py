"""The environment variables that Sealift honours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SEALIFT_ENV": "environment of sealift.yaml to use",
        "SEALIFT_SERVICES": "services to work on, separated by commas or spaces; what they need comes along",
        "SEALIFT_PLATFORMS": "platforms to build for, separated by commas or spaces",
        "SEALIFT_SINCE": "git revision; only services that changed since are released, and those built on them",
        "SEALIFT_JOBS": "how many things run at the same time, 1 to 64",
        "DOCKER_REGISTRY": "registry to use instead of the environment's, host or host:port",
        "DOCKER_USERNAME": "user name at the registry",
        "DOCKER_PASSWORD": "password or token at the registry, or where it is found: file://PATH, op://…",
        "VERSION": "semantic version of the release",
        "GIT_SHA": "commit of the release, 7 to 40 hexadecimal digits",
        "IMAGE_PULL_POLICY": "imagePullPolicy of the deployment manifests: Always, IfNotPresent or Never",
    }
)
"""Name and meaning, in the order of `.env.example`. An empty variable counts as not set."""

SOURCES: Mapping[str, tuple[str, str, str]] = {
    "environment": ("env", "--env", "SEALIFT_ENV"),
    "services": ("services", "--service", "SEALIFT_SERVICES"),
    "platforms": ("platforms", "--platform", "SEALIFT_PLATFORMS"),
    "registry": ("registry", "--registry", "DOCKER_REGISTRY"),
    "explicit_tags": ("tags", "--tag", ""),
    "jobs": ("jobs", "--jobs", "SEALIFT_JOBS"),
    "version": ("version", "--version", "VERSION"),
    "git_sha": ("git_sha", "--git-sha", "GIT_SHA"),
    "image_pull_policy": ("image_pull_policy", "--image-pull-policy", "IMAGE_PULL_POLICY"),
    "since": ("since", "--since", "SEALIFT_SINCE"),
    "username": ("", "", "DOCKER_USERNAME"),
    "password": ("", "", "DOCKER_PASSWORD"),
}
"""Field of `Settings` → field of `Flags`, the flag as users write it, the variable."""
