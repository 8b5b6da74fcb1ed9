"""Who runs Sealift, where and by what, as far as an attestation tells it. Pure; `ci.invocation` finds it out.

Nothing in it names a machine, a user's folder or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

COMMAND_LINE: Final = "https://github.com/sealift/sealift/blob/main/docs/provenance.md#command-line-v1"
"""Whoever may sign, on a machine of which nothing is known. A name: docs/provenance.md says what it means."""

DAGGER_MODULE: Final = "https://github.com/sealift/sealift/blob/main/docs/provenance.md#dagger-module-v1"
"""The same, through `dagger call`."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One run.

    :param builder: URI of what decides over the build: on GitHub Actions the workflow, with its ref.
    :param version: of Sealift.
    :param id: URL of the run; None where it has none.
    :param repository: URL of the git repository, where the platform says it.
    :param ref: git ref that the run is about, as in `refs/heads/main`.
    :param platform: what else the platform says of the run.
    :param files: file of the repository that decides over the release → its digest.
    """

    builder: str
    version: str
    id: str | None = None
    repository: str | None = None
    ref: str | None = None
    platform: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def by(self, workflow: str | None) -> Invocation:
        """The same, as whoever signs can vouch for it.

        :param workflow: URI of the workflow whose identity signs, which no variable can change; None: nobody's.
        """
        return self if workflow is None else replace(self, builder=workflow)


@dataclass(frozen=True, kw_only=True)
class Maker:
    """The run that has built an image for another one, which released it.

    :param run: its id.
    :param invocation, builder: as `Invocation` has them.
    :param engine_platform: that its engine runs on; an image of that platform was built without emulation.
    """

    run: str
    invocation: str | None
    builder: str
    engine_platform: str

    def as_json(self) -> dict[str, str | None]:
        """For the release record and for provenance."""
        return {
            "run": self.run,
            "invocation": self.invocation,
            "builder": self.builder,
            "engine_platform": self.engine_platform,
        }
