"""Contexts and Dockerfiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from pipelines.config import Service, ServicePaths, load, resolve_paths

Make = Callable[..., Path]
ProblemsIn = Callable[[Path], list[str]]
Services = Callable[[str], str]


@pytest.fixture
def shop(repository: Make, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A repository with links to a folder and a file outside of it, and to a file in another context."""

    def make(text: str) -> Path:
        root = repository(text, "src/Dockerfile", "src/main.py", "other/Dockerfile", "empty/")
        outside = tmp_path_factory.mktemp("outside")
        (outside / "Dockerfile").write_text("FROM scratch\n")
        (root / "out").symlink_to(outside)
        (root / "src/out.Dockerfile").symlink_to(outside / "Dockerfile")
        (root / "src/across.Dockerfile").symlink_to(root / "other/Dockerfile")
        return root

    return make


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("{}", "7:3 services.a.context: there is no folder 'services/a' (the default for this service's context)"),
        ("{context: nope}", "7:16 services.a.context: there is no folder 'nope'"),
        ("{context: src/main.py}", "7:16 services.a.context: 'src/main.py' is not a folder"),
        (
            "{context: empty}",
            "7:3 services.a.dockerfile: there is no file 'empty/Dockerfile' (the default for this service's"
            " Dockerfile)",
        ),
        ("{context: src, dockerfile: src/nope}", "7:33 services.a.dockerfile: there is no file 'src/nope'"),
        ("{context: src, dockerfile: src}", "7:33 services.a.dockerfile: 'src' is not a file"),
        (
            "{context: src, dockerfile: other/Dockerfile}",
            "7:33 services.a.dockerfile: 'other/Dockerfile' is not inside the service's context, 'src'",
        ),
        ("{context: ../x}", "7:16 services.a.context: '../x' leads out of the repository"),
        ("{context: src/../../x}", "7:16 services.a.context: '../x' leads out of the repository"),
        (
            "{context: /etc}",
            "7:16 services.a.context: '/etc' must be a path from the repository's root, with '/' between folders",
        ),
        (
            "{context: 'src\\api'}",
            "7:16 services.a.context: 'src\\\\api' must be a path from the repository's root, with '/' between folders",
        ),
        (
            "{context: src, dockerfile: ../Dockerfile}",
            "7:33 services.a.dockerfile: '../Dockerfile' leads out of the repository",
        ),
        ("{context: out}", "7:16 services.a.context: 'out' is a link that leads out of the repository"),
        (
            "{context: src, dockerfile: src/out.Dockerfile}",
            "7:33 services.a.dockerfile: 'src/out.Dockerfile' is a link that leads out of the repository",
        ),
        (
            "{context: src, dockerfile: src/across.Dockerfile}",
            "7:33 services.a.dockerfile: 'src/across.Dockerfile' is a link that leads out of the service's context",
        ),
        ('{context: "src\\0"}', "7:16 services.a.context: the character '\\x00' may not stand in it"),
    ],
)
def test_files(services: Services, shop: Make, problems_in: ProblemsIn, service: str, message: str) -> None:
    assert problems_in(shop(services(f"  a: {service}\n"))) == [f"sealift.yaml:{message}"]


def test_a_loop_of_links(services: Services, repository: Make, problems_in: ProblemsIn) -> None:
    root = repository(services("  a: {context: loop}\n"))
    (root / "loop").symlink_to(root / "loop")
    (problem,) = problems_in(root)
    assert problem.startswith("sealift.yaml:7:16 services.a.context: ")


def test_links_inside_are_fine(services: Services, repository: Make) -> None:
    root = repository(services("  a: {context: link}\n"), "src/Dockerfile")
    (root / "link").symlink_to(root / "src")
    assert load(root, environ={}).paths["a"].context.name == "link"


@pytest.mark.parametrize(
    ("service", "context", "dockerfile"),
    [
        (Service(), "services/api", "services/api/Dockerfile"),
        (Service(context="./src//api/"), "src/api", "src/api/Dockerfile"),
        (Service(context="."), ".", "Dockerfile"),
        (Service(context="src", dockerfile="src/x/../api.Dockerfile"), "src", "src/api.Dockerfile"),
        (Service(context="src/../.."), "..", "../Dockerfile"),
    ],
)
def test_paths(service: Service, context: str, dockerfile: str) -> None:
    assert resolve_paths("api", service) == ServicePaths(
        context=PurePosixPath(context), dockerfile=PurePosixPath(dockerfile)
    )
