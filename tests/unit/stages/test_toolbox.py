from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import dagger
import pytest

from pipelines.errors import EngineError
from pipelines.model import Repository
from pipelines.stages.failures import engine_error, last_words
from pipelines.stages.toolbox import Toolbox, for_engine, quarantined

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def toolbox(*, target: bool) -> Toolbox:
    """A toolbox without an engine: only addresses are asked of it."""
    service = cast(dagger.Service, object()) if target else None
    return Toolbox(client=cast(dagger.Client, None), project="shop", run="r", target=service)


def failure(*, stdout: str = "", stderr: str = "") -> Any:
    return SimpleNamespace(stdout=stdout, stderr=stderr)


@pytest.mark.parametrize(
    ("registry", "seen"),
    [
        ("localhost:5000", "target-registry:5000"),
        ("127.0.0.1:5001", "target-registry:5001"),
        ("[::1]:5000", "target-registry:5000"),
        ("localhost", "target-registry:80"),
        ("ghcr.io", "ghcr.io"),
        ("registry.example:5000", "registry.example:5000"),
        ("127.example.com:5000", "127.example.com:5000"),
        ("localhost.example.com:5000", "localhost.example.com:5000"),
    ],
)
def test_a_registry_on_loopback_is_reached_through_the_service(registry: str, seen: str) -> None:
    assert toolbox(target=True).reach_host(registry) == seen
    assert toolbox(target=True).reach(Repository(registry=registry, path="shop/web")) == f"{seen}/shop/web"
    assert toolbox(target=False).reach_host(registry) == registry


def test_no_two_questions_about_the_world_are_the_same_step() -> None:
    """The engine answers a step that it has seen before from its cache."""

    class Container:
        def with_env_variable(self, name: str, value: str) -> tuple[str, str]:
            return name, value

    one = toolbox(target=False)
    asked = [one.asked(cast(dagger.Container, Container())) for _ in range(5)]
    other = Toolbox(client=cast(dagger.Client, None), project="shop", run="r2")
    asked.append(other.asked(cast(dagger.Container, Container())))
    assert len(set(asked)) == 6


def test_references_of_the_quarantine_are_by_digest(samples: Samples) -> None:
    digest = samples.digest("x")
    assert quarantined("aidb", digest) == f"quarantine:5000/aidb@{digest}"
    assert for_engine("aidb", digest) == f"localhost:5000/aidb@{digest}"


def test_the_last_words_are_the_end_of_what_was_printed() -> None:
    lines = "\n".join(f"line {number}" for number in range(10))
    assert last_words(failure(stderr=f"\n{lines}\n\n"), lines=2) == "line 8\n    line 9"
    assert last_words(failure(stderr=lines)).startswith("line 4\n")
    assert last_words(failure(stdout="out", stderr="")) == "out"
    assert last_words(failure(stdout="out", stderr="err")) == "err"


def test_an_answer_of_the_engine_that_no_stage_expects() -> None:
    error = engine_error(dagger.DaggerError(" lost \n"), service="aidb", step="scan")
    assert isinstance(error, EngineError)
    assert str(error).startswith("aidb scan: lost\n  remedy: run 'sealift doctor'")
