"""A command that is struck at a random event, and what strikes it."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.bounds import bound
from tests.faults.fork import started
from tests.faults.relay import Asked
from tests.faults.small import without_pauses
from tests.faults.strikes import begun
from tests.soak.stand import Stand

REQUEST_SECONDS, COPY_SECONDS = 15, 30
"""The bounds of a request and of a copy here; the product's are a minute and an hour."""
_PAUSES = (0.0, 0.02, 0.3)
"""Seconds, of which a strike waits up to one: at once, while the registry has the request, and somewhat later."""
_DOWN_SECONDS = 4.0
"""How long a registry is away at most: sometimes longer than a release asks again, sometimes not."""


def impatient() -> None:
    """Shorten the bounds."""
    bound(request=REQUEST_SECONDS, copy=COPY_SECONDS)


def hasty() -> None:
    """That, and what passes by itself is asked for once more only, at once: for a registry that does not come back."""
    impatient()
    without_pauses()


Heard = Callable[[Asked], None]


@dataclass(frozen=True, kw_only=True)
class Strike:
    """What strikes when.

    :param what: `SIGKILL`, `SIGINT`, `SIGTERM` to the command; `registry 1`, `registry 2`: SIGKILL to that one.
    :param said: it counts the lines that the command says; else these and the requests through the relays. Most
        requests are Cosign's, while it verifies; by the lines, every stage has its share.
    :param event: the how manieth of these, from 1.
    :param pause: seconds after it.
    :param down: seconds after which a killed registry is started again.
    """

    what: str
    said: bool
    event: int
    pause: float
    down: float

    @classmethod
    def drawn(cls, chance: random.Random, events: int, lines: int) -> Strike:
        """Any of those that a run of so many events, of which so many are lines, can meet."""
        what = chance.choices(("SIGKILL", "SIGINT", "SIGTERM", "registry 1", "registry 2"), (55, 17, 8, 10, 10))[0]
        said = chance.random() < 0.5
        return cls(
            what=what,
            said=said,
            event=chance.randint(1, lines if said else events),
            pause=chance.uniform(0, chance.choice(_PAUSES)),
            down=chance.uniform(0, _DOWN_SECONDS),
        )

    def __str__(self) -> str:
        return f"{self.what} {self.pause:.3f} s after {'line' if self.said else 'event'} {self.event}"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended.

    :param stage: the last one that had begun when it was struck; empty if it was not.
    :param events: how many there were, and of these, lines.
    """

    code: int
    said: str
    stage: str
    struck: bool
    events: int
    lines: int


@dataclass
class _Watch:
    """Counts events, and strikes once."""

    stand: Stand
    strike: Strike | None
    pid: int = 0
    events: int = 0
    lines: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def event(self, *, said: bool = False) -> None:
        with self._lock:
            self.events += 1
            self.lines += said
            if self.strike is None or self.struck.is_set() or (self.strike.said and not said):
                return
            if (self.lines if self.strike.said else self.events) != self.strike.event:
                return
        self.struck.set()
        if self.strike.pause < 0.001:
            self._hit(self.strike)
        else:
            thread = threading.Timer(self.strike.pause, self._hit, (self.strike,))
            thread.start()
            self._threads.append(thread)

    def _hit(self, strike: Strike) -> None:
        if strike.what.startswith("registry"):
            registry = self.stand.registries[int(strike.what[-1]) - 1]
            registry.kill()
            thread = threading.Timer(strike.down, registry.start)
            thread.start()
            self._threads.append(thread)
            return
        number = signal.Signals[strike.what]
        try:
            # As a terminal's Ctrl-C, to all that it started; any other, as a supervisor's, to it alone.
            (os.killpg if number == signal.SIGINT else os.kill)(self.pid, number)
        except ProcessLookupError:
            self.struck.clear()

    def over(self) -> None:
        for thread in [*self._threads]:
            thread.join()
        for thread in self._threads:
            thread.join()


def run_struck(
    stand: Stand,
    arguments: Sequence[str],
    root: Path,
    env: Mapping[str, str],
    strike: Strike | None,
    heard: Heard | None = None,
    prepared: Callable[[], None] = impatient,
) -> Ended:
    """Run the command to its end, whatever ends it; registries that the strike killed are up again afterwards.

    :param heard: is told of each request before the registry has it.
    :param prepared: runs in the command's process before it.
    """
    watch = _Watch(stand, strike)
    process, output = started(arguments, root=root, env={**os.environ, **env}, prepared=prepared)
    assert process.pid is not None
    watch.pid = process.pid

    def each(asked: Asked) -> None:
        if heard is not None:
            heard(asked)
        watch.event()

    stand.heard = each
    said = []
    stage = ""
    with output:
        for line in output:
            said.append(line)
            if now := begun(line):
                stage = stage if watch.struck.is_set() else now.name
            watch.event(said=True)
    process.join(timeout=120)
    stand.heard = lambda _: None
    watch.over()
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"the command did not end: {''.join(said)}")
    struck = watch.struck.is_set()
    return Ended(
        code=process.exitcode,
        said="".join(said),
        stage=(stage or "start") if struck else "",
        struck=struck,
        events=watch.events,
        lines=watch.lines,
    )
