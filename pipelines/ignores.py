"""What may leave for a time, because somebody has looked at it and answers for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.model import Finding

LONGEST = 90
"""Days from today after which no ignore may expire: by then somebody has to look again."""


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """One entry of the file of ignores.

    :param services: those that it is about; never empty.
    :param whole: the plan has every image of these services, so that it shows if nothing is excused any more.
    :param expires: the last day, in UTC, on which it holds.
    :param origin: file and line.
    """

    id: str
    package: str
    services: tuple[str, ...]
    reason: str
    owner: str
    expires: date
    origin: str
    whole: bool = True

    def names(self, service: str, finding: Finding) -> bool:
        """Whether it is about this finding. A secret is never excused."""
        return (
            finding.kind != "secret"
            and service in self.services
            and (self.id, self.package) == (finding.id, finding.package)
        )

    def as_json(self) -> dict[str, Any]:
        """For `plan --json` and the release record."""
        return {
            "id": self.id,
            "package": self.package,
            "services": list(self.services),
            "reason": self.reason,
            "owner": self.owner,
            "expires": self.expires.isoformat(),
            "origin": self.origin,
        }


def excuse(ignores: Sequence[Ignore], service: str, finding: Finding) -> Ignore | None:
    """The entry that is about a finding, if there is one."""
    return next((ignore for ignore in ignores if ignore.names(service, finding)), None)
