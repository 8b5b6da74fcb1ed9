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
