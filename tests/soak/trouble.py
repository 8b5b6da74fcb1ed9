"""A registry's bad days: what share of its requests fails, and how."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.relay import Answer, Asked, Cut, Fault, Lost

_WAIT = {"Retry-After": "1"}
KINDS: Mapping[str, Fault] = {
    "429": Answer(status=429),
    "429, Retry-After: 1": Answer(status=429, headers=_WAIT),
    "500": Answer(status=500),
    "502": Answer(status=502),
    "503": Answer(status=503),
    "504": Answer(status=504),
    "cut before the registry has it": Cut(),
    "cut in the middle of the body": Cut(after=1),
    "answer lost after the registry has done it": Lost(),
}


@dataclass
class Trouble:
    """Lets a share of all requests fail, each in one of `KINDS`.

    :param share: 0 to 1.
    """

    chance: random.Random
    share: float
    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def __call__(self, _: Asked) -> Fault:
        self.requests += 1
        if self.chance.random() >= self.share:
            return None
        kind = self.chance.choice(list(KINDS))
        self.failed[kind] += 1
        return KINDS[kind]
