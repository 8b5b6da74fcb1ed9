"""What the unit tests share: scratch git repositories, plain-data samples, golden files.

Golden files are in `tests/golden`. After a change that is meant, write them again with one command and read the diff:

    UPDATE_GOLDEN=1 .venv/bin/pytest tests/unit -q && git diff tests/golden
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from pipelines.git import Revision
from pipelines.ignores import Ignore
from pipelines.model import (
    REBUILT_LABEL,
    Database,
    Digest,
    Examined,
    Finding,
    Image,
    Package,
    Platform,
    Repository,
    Scan,
    Severity,
    Tag,
    Target,
    Unit,
)
from pipelines.moves import TagMove
from pipelines.plan import Plan, Rules, ServicePlan
from pipelines.policy import Violation, judge
from pipelines.release import Place, Release, ServiceRelease
from pipelines.tags import TagKind, TagReason

GOLDEN = Path(__file__).parents[1] / "golden"
START = 1_737_383_400  # 2025-01-20T14:30:00Z, the time of the first commit of every scratch repository


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests (`pytest.mark.anyio`) run on asyncio, as the dagger client does."""
    return "asyncio"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its golden file; with UPDATE_GOLDEN=1 in the environment write it instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; UPDATE_GOLDEN=1 writes it"
        assert text == path.read_text(encoding="utf-8")

    return compare


class Git:
    """A scratch repository, made with the git command. Every commit is an hour after the one before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commits = 0

    def __call__(self, *args: str) -> str:
        time = f"{START + 3600 * self.commits} +0000"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": time,
            "GIT_COMMITTER_DATE": time,
        }
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "protocol.file.allow=always")
        command = ["git", "-C", str(self.root), *identity, *args]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path: str, text: str) -> Path:
        """Write a file of the work tree."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def commit(self, message: str, **files: str) -> str:
        """Commit everything in the work tree, with these files changed; the commit's id. `__` in a name is a slash."""
        for name, text in files.items():
            self.write(name.replace("__", "/"), text)
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "--message", message)
        self.commits += 1
        return self("rev-parse", "HEAD")


@pytest.fixture
def empty_git(tmp_path: Path) -> Git:
    """A repository on branch `main` without a commit."""
    root = tmp_path / "repo"
    root.mkdir()
    git = Git(root)
    git("init", "--quiet", "--initial-branch", "main")
    return git


@pytest.fixture
def git(empty_git: Git) -> Git:
    """A repository on branch `main` with one commit, of `a.txt` and `services/one/file`."""
    empty_git.commit("first", **{"a.txt": "a\n", "services__one__file": "1\n"})
    return empty_git


class Samples:
    """Plain data as a run makes it; the same on every machine."""

    now = datetime(2025, 1, 20, 14, 30, tzinfo=UTC)
    amd64 = Platform("linux/amd64")
    arm64 = Platform("linux/arm64")
    rules = Rules(
        severity=Severity.HIGH, only_fixed=False, max_layers=40, allow_root=False, max_database_age_hours=48,
        rehearsal=False,
    )  # fmt: skip

    packages = (Package(name="openssl", version="3.0.1", licence="Apache-2.0"),)

    def digest(self, seed: str) -> Digest:
        """A digest that stands for what the seed says."""
        return Digest("sha256:" + hashlib.sha256(seed.encode()).hexdigest())

    def service(self, name: str = "aidb", **changes: Any) -> ServicePlan:
        """A service of the plan."""
        made = ServicePlan(
            name=name,
            context=PurePosixPath("services") / name,
            dockerfile=PurePosixPath("Dockerfile"),
            target=None,
            args={},
            secrets={},
            platforms=(self.amd64, self.arm64),
            needs={},
            boot=None,
            size_budget=120_000_000,
            bases=dict.fromkeys((self.amd64, self.arm64), "python:3.11-slim-bookworm"),
            labels={"org.opencontainers.image.title": name},
            revision=Revision(commit="c" * 40, committed=self.now),
            dirty=False,
            repository=Repository(registry="ghcr.io", path=f"sealift/{name}"),
            tags=(
                TagReason(tag=Tag("v1.2.3"), reason="version v1.2.3 (rule semver)", kind=TagKind.RELEASE),
                TagReason(tag=Tag("v1.2"), reason="minor line of v1.2.3 (rule semver)", kind=TagKind.LINE),
            ),
            reason="every service is released",
            version="v1.2.3",
        )
        return replace(made, **changes)

    def plan(self, services: Sequence[ServicePlan] = (), **changes: Any) -> Plan:
        """A plan for prod; of `aidb` and `docs`, which is built on it, unless services are given."""
        on_aidb = dict.fromkeys((self.amd64, self.arm64), "aidb")
        made = Plan(
            project="sealift",
            environment="prod",
            targets=(Target(registry="ghcr.io", prefix="sealift/"),),
            origins={"environment": "flag", "registry": "file"},
            commit="c" * 40,
            committed=self.now,
            dirty=False,
            version="v1.2.3",
            services=tuple(services)
            or (self.service(), self.service("docs", needs={"aidb": "AIDB_IMAGE"}, bases=on_aidb)),
            rules=self.rules,
            database="ghcr.io/aquasecurity/trivy-db:2",
            database_sample=False,
            jobs=4,
            image_pull_policy="IfNotPresent",
        )
        return replace(made, **changes)

    def image(self, service: str = "aidb", platform: Platform = amd64, **changes: Any) -> Image:
        """One platform's image, in order."""
        unit = Unit(service=service, platform=platform)
        made = Image(
            unit=unit, digest=self.digest(str(unit)), size=48_123_456, layers=9, user="1001:1001",
            labels={"org.opencontainers.image.title": service},
        )  # fmt: skip
        return replace(made, **changes)

    def finding(self, **changes: Any) -> Finding:
        """A vulnerability that counts under the sample's rules."""
        made = Finding(
            id="CVE-2024-0001", package="openssl", installed="3.0.1", fixed="3.0.2", severity=Severity.HIGH,
            title="openssl: a flaw", target="debian 12.8",
        )  # fmt: skip
        return replace(made, **changes)

    def secret(self) -> Finding:
        """A secret, as the scanner reports it."""
        return self.finding(
            id="private-key", package="AsymmetricPrivateKey", installed="", fixed=None,
            title="Asymmetric Private Key in /app/key.pem, line 1", target="/app/key.pem", kind="secret",
        )  # fmt: skip

    def ignore(self, **changes: Any) -> Ignore:
        """An entry that excuses the sample's finding in aidb."""
        made = Ignore(
            id="CVE-2024-0001", package="openssl", services=("aidb",), reason="we do not [listen]", owner="backend",
            expires=date(2025, 2, 28), origin="ignores.yaml:3",
        )  # fmt: skip
        return replace(made, **changes)

    def unit(self, *findings: Finding, scanned: int = 87, image: Image | None = None, **changes: Any) -> Examined:
        """An examined unit; in order unless there are findings."""
        made = Examined(
            image=image or self.image(),
            boot_ms=412,
            packages=self.packages * 87,
            scan=Scan(findings=findings, packages=scanned, created=self.now),
            cached=False,
            seconds=12.34,
        )
        return replace(made, **changes)

    def database(self, *, sample: bool = False) -> Database:
        """The advisory database."""
        reference = "sample" if sample else "ghcr.io/aquasecurity/trivy-db:2"
        return Database(reference=reference, digest=self.digest("db"), updated=self.now, sample=sample)

    def units(self, plan: Plan) -> tuple[Examined, ...]:
        """Every unit of the plan, in order; arm64 from the cache, with one finding that does not count."""
        low = self.finding(id="CVE-2024-0002", package="zlib", severity=Severity.LOW, fixed=None)
        return tuple(
            self.unit(low, image=self.image(service.name, platform), cached=platform == self.arm64)
            for service in plan.services
            for platform in service.platforms
        )

    def whole(self, plan: Plan, *given: Examined) -> list[Examined]:
        """Every unit of the plan: these, and the others in order."""
        units = {unit.image.unit: unit for unit in self.units(plan)}
        return list({**units, **{unit.image.unit: unit for unit in given}}.values())

    def judged(
        self, *given: Examined, plan: Plan | None = None, database: Database | None = None
    ) -> tuple[Violation, ...]:
        """The verdict on the whole plan with these units in it, by the real database unless another is given."""
        plan = plan or self.plan()
        return judge(plan, self.whole(plan, *given), database or self.database())

    def rules_broken(self, *given: Examined, plan: Plan | None = None) -> list[str]:
        """The rules that are broken."""
        return [violation.rule for violation in self.judged(*given, plan=plan)]

    def release(self, **changes: Any) -> Release:
        """The release as the gate leaves it, its violations judged from what is given."""
        plan = changes.pop("plan", None) or self.plan()
        given = {"units": self.units(plan), "database": self.database(), **changes}
        made = Release(
            id="20250120T143000Z-ccccccc-9f2c",
            started=self.now,
            plan=plan,
            tools={"trivy": "ghcr.io/aquasecurity/trivy:0.69.3@" + self.digest("trivy")},
            **given,
        )
        return replace(made, violations=judge(plan, made.units, made.database))

    def released(self, *moves: TagMove) -> ServiceRelease:
        """What became of a service's tags at the plan's only target."""
        places = (Place(target=self.plan().targets[0], tags=moves),)
        return ServiceRelease(index=moves[0].after, places=places)

    def published(self) -> Release:
        """A release whose tags were moved: aidb's v1.2.3 was new, its v1.2 another image; docs' were there."""
        release = self.release()
        aidb, docs = (self.digest(f"{name} index") for name in ("aidb", "docs"))
        services = {
            "aidb": self.released(
                TagMove(tag=Tag("v1.2.3"), before=None, after=aidb, moved=True),
                TagMove(tag=Tag("v1.2"), before=self.digest("older"), after=aidb, moved=True),
            ),
            "docs": self.released(*(TagMove(tag=Tag(t), before=docs, after=docs) for t in ("v1.2.3", "v1.2"))),
        }
        finished = datetime(2025, 1, 20, 14, 32, 5, tzinfo=UTC)
        return release.at("published", services=services, finished=finished, public_key="-----BEGIN PUBLIC KEY-----\n")

    def refused(self) -> Release:
        """A release that the gate refused, for a vulnerability, a secret and a size."""
        plan = self.plan()
        first, second, *rest = self.units(plan)
        critical = self.finding(id="CVE-2024-0003", severity=Severity.CRITICAL)
        first = replace(first, scan=Scan(findings=(self.finding(), critical), packages=87, created=self.now))
        second = replace(second, scan=Scan(findings=(self.secret(),), packages=87, created=self.now))
        rest[0] = replace(rest[0], image=replace(rest[0].image, size=120_000_001))
        return self.release(plan=plan, units=(first, second, *rest), state="refused")

    def rehearsed(self) -> Release:
        """A rehearsal on the machine: sample database, rebuilt bases, sealed, not pushed."""
        repositories = (Repository(registry="localhost:5000", path=name) for name in ("aidb", "docs"))
        services = [replace(old, repository=new) for old, new in zip(self.plan().services, repositories, strict=True)]
        rules = replace(self.rules, rehearsal=True)
        target = Target(registry="localhost:5000", insecure=True)
        plan = self.plan(services, environment="local", targets=(target,), rules=rules)
        units = tuple(
            replace(unit, image=replace(unit.image, labels={**unit.image.labels, REBUILT_LABEL: "debian"}))
            for unit in self.units(plan)
        )
        sealed = {name: ServiceRelease(index=self.digest(f"{name} index")) for name in ("aidb", "docs")}
        return self.release(
            plan=plan, units=units, database=self.database(sample=True), services=sealed, state="signed"
        )


@pytest.fixture(scope="session")
def samples() -> Samples:
    """Plain data as a run makes it."""
    return Samples()
