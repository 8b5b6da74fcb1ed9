"""Releases that are killed at random events and resumed, and what has to hold after each of both."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.graph.finish import RESUMABLE
from tests.faults.outcomes import nothing_left
from tests.faults.several import SERVICES, change, two_services
from tests.faults.small import Small
from tests.scratch import run
from tests.soak.killed import Killed, line
from tests.soak.stand import Registry, Stand
from tests.soak.strike import Ended, Heard, Strike, impatient, run_struck

EARLIER = "v1.0.0"
NEXT = "v1.0.1"
GROUP = 8
"""How many killed releases are of one commit: the first signs it, and those after it reach the registries sooner."""
AGAIN = 0.2
"""The share of resumes that are struck too."""
MOST = 6
"""How often a release may be resumed until it must have ended."""
ATTACHED = {"index": 2, "platform": 3}
"""A signature; to the index its provenance, to a platform its two attested SBOMs. One more would be a second one."""


@dataclass
class Kills:
    """The releases of one seed. `said` is told of each."""

    stand: Stand
    two: Small
    chance: random.Random
    said: Callable[[str], None]
    done: list[Killed] = field(default_factory=list)
    events: int = 0
    lines: int = 0
    before: dict[int, dict[str, dict[str, str]]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    prepared: Callable[[], None] = impatient

    def release(self, version: str, strike: Strike | None = None, heard: Heard | None = None) -> Ended:
        return self._run(("build-all", "--no-scan", "--version", version), strike, heard)

    def resume(self, strike: Strike | None = None) -> Ended:
        return self._run(("release", "resume"), strike)

    def _run(self, arguments: tuple[str, ...], strike: Strike | None = None, heard: Heard | None = None) -> Ended:
        ended = run_struck(self.stand, arguments, self.two.root, self.two.env, strike, heard, self.prepared)
        self.log.append(f"$ sealift {' '.join(arguments)}   # {strike or 'not struck'}: {ended.code}\n{ended.said}")
        return ended

    def prepare(self) -> None:
        """An earlier release, undisturbed, from which every killed one starts; its events are counted."""
        ended = self.release(EARLIER)
        assert ended.code == 0, ended.said
        self.events, self.lines = ended.events, ended.lines
        for place, registry in enumerate(self.stand.registries):
            registry.keep()
            self.before[place] = {service: registry.tags(service) for service in SERVICES}
        change(self.two)

    def restore(self) -> None:
        for registry in self.stand.registries:
            registry.restore()

    def record(self) -> dict[str, object]:
        """The record on disk; empty if there is none. What cannot be read fails the release that wrote it."""
        path = self.two.root / "dist/release.json"
        return json.loads(path.read_text()) if path.exists() else {}  # type: ignore[no-any-return]

    def one(self, number: int) -> Killed:
        """One release, struck and finished. Of each group the first is of a commit that was never built."""
        if number % GROUP == 0:
            change(self.two)
        self.restore()
        self.log.clear()
        old = self.record().get("id")
        strike = Strike.drawn(self.chance, self.events, self.lines)
        began = time.monotonic()
        killed = Killed(number=number, strike=str(strike), what=strike.what, stage="", code=0)
        try:
            ended = self.release(NEXT, strike)
            killed.stage, killed.code = ended.stage or "ended before", ended.code
            assert ended.code == 0 or ended.struck, f"what was not struck ended with {ended.code}"
            self.check_after(old)
            self.finish(killed, ended, old)
            self.check_finished()
            if number % GROUP == GROUP - 1:
                self.check_undisturbed()
        except (AssertionError, ValueError, KeyError) as failure:
            killed.wrong = f"{type(failure).__name__}: {failure}"
        killed.seconds = time.monotonic() - began
        self.done.append(killed)
        self.said(line(killed))
        return killed

    def finish(self, killed: Killed, ended: Ended, old: object) -> None:
        """Do what the documentation says until the release is there."""
        while ended.code != 0:
            assert len(killed.ways) < MOST, f"not finished after {MOST} commands"
            record = self.record()
            ours = record.get("id") != old and record.get("state") in RESUMABLE
            killed.ways.append("resume" if ours else "again")
            part = 2 if ours else 1
            drawn = Strike.drawn(self.chance, self.events // part, self.lines // part)
            strike = drawn if self.chance.random() < AGAIN else None
            ended = self.resume(strike) if ours else self.release(NEXT, strike)
            assert ended.code == 0 or ended.struck, f"{killed.ways[-1]} ended with {ended.code}"
            self.check_after(old)

    def check_after(self, old: object) -> None:
        """What holds whatever has struck: no public tag names what does not verify, and none moves too soon."""
        nothing_left(self.two)
        assert self.stand.quiet(), "connections to a registry are still open"
        assert "Traceback" not in self.log[-1], "a traceback was shown"
        record = self.record()
        moving = record.get("id") != old and record.get("state") in ("moving", "published", "undone")
        for place, registry in enumerate(self.stand.registries):
            new = []
            for service in SERVICES:
                was = self.before[place][service]
                for tag, digest in registry.tags(service).items():
                    if digest != was.get(tag):
                        assert moving, f"{registry.prefix}{service}:{tag} has moved before the record said so"
                        new.append(f"{registry.peer.address}/{registry.prefix}{service}@{digest}")
            self.verify(new)

    def check_finished(self) -> None:
        """The end is that of a release which was never struck."""
        record = self.record()
        assert record["state"] == "published", record["state"]
        services = record["services"]
        assert isinstance(services, Mapping)
        self.indexes = {service: services[service]["index"] for service in SERVICES}
        for place, registry in enumerate(self.stand.registries):
            for service, index in self.indexes.items():
                tags = registry.tags(service)
                now = {tag for tag, digest in tags.items() if digest == index}
                assert now == {"dev", "v1", "v1.0", NEXT}, f"{registry.prefix}{service}: {tags}"
                assert tags[EARLIER] == self.before[place][service][EARLIER], "a release tag has moved"
                self.check_attached(registry, service, index)

    def check_attached(self, registry: Registry, service: str, index: str) -> None:
        """Each signature and attestation is there once, and verifies."""
        platforms = [entry["digest"] for entry in registry.manifest(service, index).json()["manifests"]]
        found = {digest: registry.attached(service, digest) for digest in (index, *platforms)}
        wanted = {index: ATTACHED["index"], **dict.fromkeys(platforms, ATTACHED["platform"])}
        assert found == wanted, f"{registry.prefix}{service}: attached are {found}"
        self.verify([f"{registry.peer.address}/{registry.prefix}{service}@{digest}" for digest in wanted])

    def check_undisturbed(self) -> None:
        """The same commit, released by a run that nothing strikes, has the same digests."""
        reference = "reference"
        ended = self._run(("build-all", "--no-scan", "--no-push", "--version", NEXT, "--out", reference))
        assert ended.code == 0, ended.said
        record = json.loads((self.two.root / reference / "release.json").read_text())
        shutil.rmtree(self.two.root / reference)
        undisturbed = {service: record["services"][service]["index"] for service in SERVICES}
        assert undisturbed == self.indexes, f"an undisturbed run made {undisturbed}, this one {self.indexes}"

    def verify(self, references: list[str]) -> None:
        """With the real Cosign, from outside of the engine."""
        if not references:
            return
        key = Path(self.two.env["SEALIFT_KEYS_DIR"]) / "cosign.pub"
        flags = [f"--key={key}", "--insecure-ignore-tlog=true", "--allow-http-registry"]
        done = run(["cosign", "verify", *flags, *references], env=self.two.env)
        assert done.returncode == 0, f"a public tag names what does not verify: {done.stderr}"


def begin(stand: Stand, engine: Mapping[str, str], folder: Path, seed: int | str, said: Callable[[str], None]) -> Kills:
    """The repository, and its first releases, which nothing strikes."""
    two = two_services(engine, folder)
    (two.root / ".gitignore").write_text("dist/\nreference/\n.env\n")
    two.extra["environments"] = {"local": stand.environment}
    two.registry.prefix = stand.registries[0].prefix
    two.commit()
    made = Kills(stand=stand, two=two, chance=random.Random(seed), said=said)  # noqa: S311 - to be repeated
    made.prepare()
    return made
