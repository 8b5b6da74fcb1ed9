"""A record of two services and two registries, as a release leaves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.config.schema import Boot
from pipelines.model import Target
from pipelines.record import Record, read
from pipelines.release import Place, ServiceRelease

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

MIRROR = Target(registry="quay.io:8443", prefix="mirror/")


@pytest.fixture
def record(samples: Samples) -> Record:
    """`aidb` and `docs`, both servers, at ghcr.io/sealift/ and quay.io:8443/mirror/."""
    return make_record(samples)


def make_record(samples: Samples, *, user: str = "1001:1001", **changes: Any) -> Record:
    """The same; `changes` are of both services' plans."""
    published = samples.published()
    given = {"boot": Boot(), **changes}
    plan = replace(
        published.plan,
        targets=(*published.plan.targets, MIRROR),
        services=tuple(replace(service, **given) for service in published.plan.services),
    )
    services = {
        name: ServiceRelease(index=made.index, places=(*made.places, Place(target=MIRROR, tags=made.places[0].tags)))
        for name, made in (published.services or {}).items()
    }
    units = tuple(replace(unit, image=replace(unit.image, user=user)) for unit in published.units)
    return read(replace(published, plan=plan, services=services, units=units).text(), "x")


@pytest.fixture
def reference(samples: Samples) -> Callable[..., str]:
    """The reference of a service's image by digest."""

    def make(service: str, at: str = "ghcr.io/sealift") -> str:
        return f"{at}/{service}@{samples.digest(f'{service} index')}"

    return make
