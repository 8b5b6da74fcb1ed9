"""Bad wires between the engine and a registry, made by Toxiproxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.bounds import bound
from tests.faults.outcomes import published, refused
from tests.faults.small import CONTENT, Small, without_pauses
from tests.faults.toxic import Wire, wire
from tests.scratch import REGISTRY

BAD_SECONDS = 4


def bounded() -> None:
    """The bounds of a request, a minute, and of a copy, an hour, are shortened."""
    bound(request=6, copy=6)


@pytest.fixture(scope="module")
def line() -> Iterator[Wire]:
    with wire(REGISTRY) as made:
        yield made


TOXICS = {
    "cut in the middle of the blob": ("limit_data", "upstream", {"bytes": CONTENT // 2}),
    "silence after the registry took the bytes": ("timeout", "downstream", {"timeout": 0}),
    "reset": ("reset_peer", "downstream", {"timeout": 0}),
}


@pytest.mark.parametrize("name", TOXICS)
def test_a_wire_that_is_bad_for_a_while(repository: Small, line: Wire, name: str) -> None:
    kind, stream, attributes = TOXICS[name]
    repository.prepared.append(bounded)
    began = threading.Event()

    def bad() -> None:
        with line.bad(kind, stream, **attributes):
            began.set()
            time.sleep(BAD_SECONDS)

    thread = threading.Thread(target=bad)
    thread.start()
    assert began.wait(10)
    published(repository, "--no-scan", "--registry", line.address)
    thread.join()
    assert repository.registry.tags("web") == ["dev"]


def test_a_wire_that_stays_bad_ends_the_release(repository: Small, line: Wire) -> None:
    repository.prepared += [bounded, without_pauses]
    with line.bad("limit_data", "upstream", bytes=CONTENT // 2):
        said = refused(repository, 5, "--no-scan", "--registry", line.address)
    assert f"web copy: {line.address}: " in said


def test_a_slow_wire_is_only_slow(repository: Small, line: Wire) -> None:
    with line.bad("latency", "downstream", latency=150, jitter=100), line.bad("bandwidth", "upstream", rate=1000):
        published(repository, "--no-scan", "--registry", line.address)
    assert repository.registry.tags("web") == ["dev"]
