"""VEX: statements that a vulnerability of a package does not affect what it is in, or is mended there. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from pipelines.predicates import CSAF, OPENVEX, Predicate


@dataclass(frozen=True, kw_only=True)
class Vex:
    """A document, OpenVEX or CSAF, as the scanner is given it.

    :param file: from the repository's root.
    """

    file: str
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Of the file's text, as OCI writes digests."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    @property
    def predicate(self) -> Predicate:
        """What it is attested as; only OpenVEX has a JSON-LD context."""
        return OPENVEX if "@context" in json.loads(self.text) else CSAF
