"""The tools that the graph runs, each pinned by version. The release record adds the digest that was run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool image. Its entry point is the tool itself."""

    name: str
    image: str


TRIVY = Tool(name="trivy", image="ghcr.io/aquasecurity/trivy:0.69.3")
SYFT = Tool(name="syft", image="ghcr.io/anchore/syft:v1.52.0")
COSIGN = Tool(name="cosign", image="ghcr.io/sigstore/cosign/cosign:v3.1.3")
REGCTL = Tool(name="regctl", image="ghcr.io/regclient/regctl:v0.11.7")
REGISTRY = Tool(name="registry", image="docker.io/library/registry:3.1.2")
# Runs the health probe of booted images, with nothing but Python's standard library.
PROBE = Tool(name="probe", image="docker.io/library/python:3.11-slim-bookworm")
# Builds the sample advisory database from the YAML in the repository.
GO = Tool(name="go", image="docker.io/library/golang:1.26.8-bookworm")

ALL = (TRIVY, SYFT, COSIGN, REGCTL, REGISTRY, PROBE, GO)
