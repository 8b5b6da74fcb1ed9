from __future__ import annotations

import dagger
import gql
import pytest
from dagger._exceptions import QueryErrorLocation, QueryErrorValue

from pipelines.errors import BuildError, RegistryError, SealiftError, SeveralErrors, SigningError, ToolError
from pipelines.stages.full import disk_full

FULL = "write /var/lib/dagger/x: no space left on device"


def ended(exit_code: int) -> dagger.ExecError:
    """A command that ended so, as the engine tells it."""
    extensions = {"_type": "EXEC_ERROR", "cmd": ["make"], "exitCode": exit_code, "stdout": "", "stderr": ""}
    value = QueryErrorValue(message="failed", path=[], locations=[QueryErrorLocation(1, 1)], extensions=extensions)
    return dagger.ExecError([value], gql.gql("{ version }"))


def caused(cause: Exception) -> SealiftError:
    failure = BuildError("'make' ended", remedy="mend it", service="web", step="build")
    failure.__cause__ = cause
    return failure


@pytest.mark.parametrize(
    "failure",
    [
        BuildError(FULL, remedy="mend it", service="web", step="build"),
        BuildError(f"head: {FULL.upper()}", remedy="mend it", service="web", step="build"),
        SeveralErrors(
            [RegistryError("busy", remedy="wait"), SigningError(FULL, remedy="?", service="web", step="build")]
        ),
        caused(ended(-1)),
    ],
    ids=["said", "in other letters", "among others", "a command whose end was not kept"],
)
def test_a_full_disk_is_the_engines_whatever_saw_it(failure: SealiftError) -> None:
    found = disk_full(failure)
    assert found is not None
    assert (found.exit_code, found.where) == (7, "web build")
    assert "the engine's disk" in found.what
    assert "make room" in found.remedy


@pytest.mark.parametrize(
    "failure", [RegistryError(FULL, remedy="?"), BuildError("no such file", remedy="?"), caused(ended(1))]
)
def test_other_failures_are_what_they_are(failure: SealiftError) -> None:
    assert disk_full(failure) is None


def test_a_tool_that_cannot_say_why_it_failed() -> None:
    failure = ToolError("Syft: exit code: 1", remedy="?", service="web", step="sbom")
    assert disk_full(failure, left=1 << 30) is None
    found = disk_full(failure, left=3 << 20)
    assert found is not None
    assert str(found).startswith("web sbom: the engine's disk is full, 3 MB are left: Syft: exit code: 1\n")
