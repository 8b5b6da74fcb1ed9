from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import dagger
import pytest

from pipelines.errors import EngineError
from pipelines.model import Repository, Target
from pipelines.stages.failures import engine_error, last_words
from pipelines.stages.toolbox import Toolbox, for_engine, kept_as, own_names, quarantined

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def toolbox(*loopback: str) -> Toolbox:
    """A toolbox without an engine, with ways to these registries: only addresses are asked of it."""
    tunnels = {registry: cast(dagger.Service, object()) for registry in loopback}
    return Toolbox(client=cast(dagger.Client, None), project="shop", run="r", tunnels=tunnels)


def failure(*, stdout: str = "", stderr: str = "") -> Any:
    return SimpleNamespace(stdout=stdout, stderr=stderr)


@pytest.mark.parametrize(
    ("registry", "seen"),
    [
        ("localhost:5000", "loopback-5000:5000"),
        ("127.0.0.1:5001", "loopback-5001:5001"),
        ("[::1]:5000", "loopback-5000:5000"),
        ("localhost", "loopback-80:80"),
    ],
)
def test_a_registry_on_loopback_is_reached_through_a_service(registry: str, seen: str) -> None:
    box, target = toolbox(registry, "localhost:6000"), Target(registry=registry, prefix="shop/", insecure=True)
    assert box.host(registry) == seen
    assert box.reach(Repository(registry=registry, path="shop/web")) == box.at(target, "web") == f"{seen}/shop/web"
    assert toolbox("localhost:6000").host(registry) == registry
    assert own_names(f"Get http://{seen}/v2/: refused").startswith("Get http://localhost:")


def test_what_is_no_alias_is_left_as_it_is() -> None:
    for text in ("loopback-5000:5001/x", "my-loopback-5000", "ghcr.io/loopback-5:55"):
        assert own_names(text) == text


def test_no_two_questions_about_the_world_are_the_same_step() -> None:
    """The engine answers a step that it has seen before from its cache."""

    class Container:
        def with_env_variable(self, name: str, value: str) -> tuple[str, str]:
            return name, value

    one = toolbox()
    asked = [one.asked(cast(dagger.Container, Container())) for _ in range(5)]
    other = Toolbox(client=cast(dagger.Client, None), project="shop", run="r2")
    asked.append(other.asked(cast(dagger.Container, Container())))
    assert len(set(asked)) == 6


def test_references_of_the_quarantine_are_by_digest(samples: Samples) -> None:
    digest = samples.digest("x")
    assert quarantined("aidb", digest) == f"quarantine:5081/aidb@{digest}"
    assert for_engine("aidb", digest) == f"localhost:5081/aidb@{digest}"
    assert kept_as("aidb", "linux-amd64") == "localhost:5081/aidb:linux-amd64"


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
