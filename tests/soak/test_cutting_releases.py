"""What a release engineer does in a month, in order, on a repository of six services: `docs/releasing.md` shows it.

`transcript.txt` in the test's folder has what the commands printed, `progress.txt` what they said meanwhile; the
document's outputs are from there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from pipelines.model import RECORDS
from tests.faults.outcomes import nothing_left
from tests.faults.peers import Peer, distribution
from tests.faults.several import there
from tests.scratch import REGISTRY, ROOT, Registry, Scratch, run

SERVICES = ("cart", "catalog", "checkout", "mailer", "search", "web")
DOCKERFILE = "FROM scratch\nCOPY index.html /\nUSER 1001:1001\n"
TAGS = ["semver", "latest-on-release"]
FIRST = Peer(port=int(REGISTRY.partition(":")[2]))
"""The registry that `sealift up` has started."""
LINES = {"latest", "v1", "v1.0"}
CANDIDATE = "v1.0.1-rc.1"


def a_month_later() -> None:
    """From here on, and until its end, this process has a clock that is a month ahead."""
    time_machine.travel(datetime.now(UTC) + timedelta(days=30), tick=True).start()


@dataclass
class Shop(Scratch):
    """Six services, two registries that they are released to, and a third that they are promoted to."""

    transcript: list[str] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    prepared: Callable[[], None] | None = None

    def prepare(self) -> Callable[[], None] | None:
        return self.prepared

    def done(self, *arguments: str) -> str:
        """Run the command, which succeeds; what it printed on standard output."""
        ended = self.sealift(*arguments)
        self.transcript += [f"$ sealift {' '.join(arguments)}", ended.stdout]
        self.progress += [f"$ sealift {' '.join(arguments)}", ended.stderr]
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def tagged(self, version: str) -> None:
        """Change one service, commit, and cut a git tag."""
        with (self.root / "services/web/index.html").open("a") as file:
            file.write(f"<p>{version}</p>\n")
        self.commit()
        assert run(["git", "tag", version], cwd=self.root).returncode == 0
        self.transcript.append(f"$ git tag {version}")

    def indexes(self) -> dict[str, str]:
        """Service → index, by the last run's record."""
        return {name: service["index"] for name, service in self.record()["services"].items()}

    def reused(self) -> dict[str, str]:
        """Service that the last run did not build → where it was fetched from, by its record."""
        services = self.record()["services"]
        return {name: service["reused"] for name, service in services.items() if service["reused"]}

    def tags(self, peer: Peer) -> dict[str, dict[str, str | None]]:
        """Service → tag → what it names at a registry."""
        prefix = self.registry.prefix
        return {
            name: {tag: there(peer, f"{prefix}{name}", tag) for tag in peer.tags(f"{prefix}{name}")}
            for name in SERVICES
        }


def named(tags: Mapping[str, Mapping[str, str | None]], tag: str) -> dict[str, str | None]:
    """Service → what a tag names."""
    return {name: found.get(tag) for name, found in tags.items()}


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peer, Peer]]:
    """The second registry, and the one of another environment."""
    storage = {"delete": {"enabled": True}}
    with (
        distribution(tmp_path_factory.mktemp("second"), storage=storage) as second,
        distribution(tmp_path_factory.mktemp("third"), storage=storage) as third,
    ):
        yield second, third


@pytest.fixture
def shop(engine: Mapping[str, str], peers: tuple[Peer, Peer], tmp_path: Path) -> Iterator[Shop]:
    env = {**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(tmp_path / "keys")}
    name = f"soak-{secrets.token_hex(4)}"
    made = Shop(root=tmp_path / "shop", env=env, registry=Registry(prefix=f"{name}/", env=engine))
    made.root.mkdir()
    (made.root / ".gitignore").write_text("dist/\n.env\n")
    for service in SERVICES:
        folder = made.service(service, dockerfile=DOCKERFILE, settings={"boot": None})
        (folder / "server.py").unlink()
        # Nothing that another session made is found again.
        (folder / "index.html").write_text(f"<h1>{service} of {name}</h1>\n")
    second, third = peers
    made.extra["environments"] = {
        "local": {
            "registry": REGISTRY,
            "also": [{"registry": second.address}],
            "tags": TAGS,
            "database": {"allow_sample": True},
        },
        "prod": {"registry": third.address, "tags": TAGS},
    }
    yield made
    (tmp_path / "transcript.txt").write_text("\n".join(made.transcript))
    (tmp_path / "progress.txt").write_text("\n".join(made.progress))
    for repository in (*SERVICES, RECORDS):
        for tag in made.registry.regctl("tag", "ls", f"{REGISTRY}/{made.registry.prefix}{repository}").stdout.split():
            made.registry.regctl("tag", "rm", f"{REGISTRY}/{made.registry.prefix}{repository}:{tag}")


def test_releases_are_cut_promoted_taken_back_pruned_and_rebuilt(shop: Shop, peers: tuple[Peer, Peer]) -> None:
    second, third = peers

    def both() -> dict[str, dict[str, str | None]]:
        """Service → tag → what it names at both registries."""
        at_first, at_second = shop.tags(FIRST), shop.tags(second)
        assert at_first == at_second
        return at_first

    shop.tagged("v1.0.0")
    shop.done("build-all")
    first = shop.indexes()
    assert shop.reused() == {}
    assert both() == {name: dict.fromkeys({*LINES, "v1.0.0"}, first[name]) for name in SERVICES}

    # A prerelease is never given a release's image, nor a release a prerelease's.
    shop.tagged(CANDIDATE)
    shop.done("build-all")
    candidate = shop.indexes()
    assert shop.reused() == {}
    assert named(both(), "latest") == first
    assert named(both(), CANDIDATE) == candidate

    shop.tagged("v1.0.1")
    shop.done("build-all")
    later = shop.indexes()
    assert shop.reused() == {
        name: f"{REGISTRY}/{shop.registry.prefix}{name}" for name in ("cart", "catalog", "checkout", "mailer", "search")
    }
    assert {name for name in SERVICES if later[name] != first[name]} == {"web"}
    released = {
        name: dict.fromkeys({*LINES, "v1.0.1"}, later[name]) | {"v1.0.0": first[name], CANDIDATE: candidate[name]}
        for name in SERVICES
    }
    assert both() == released

    shop.env["SIGNING_PUBLIC_KEY"] = f"file://{shop.env['SEALIFT_KEYS_DIR']}/cosign.pub"
    shop.done("promote", "v1.0.1", "--from", "local", "--to", "prod")
    promoted = {name: dict.fromkeys({*LINES, "v1.0.1"}, later[name]) for name in SERVICES}
    assert shop.tags(third) == promoted
    shop.done("verify", "--env", "prod", "--tag", "v1.0.1")
    assert both() == released

    shop.done("rollback", "--to", "v1.0.0")
    back = {name: released[name] | dict.fromkeys(LINES, first[name]) for name in SERVICES}
    assert both() == back

    rule = ["registry", "prune", "--keep-pattern", "v?.?.?"]
    shop.prepared = a_month_later
    shop.done(*rule)
    assert both() == back, "a dry run deleted something"
    shop.done(*rule, "--confirm")
    shop.prepared = None
    assert both() == {name: {tag: one for tag, one in back[name].items() if tag != CANDIDATE} for name in SERVICES}
    for peer in (FIRST, second):
        for name in SERVICES:
            assert there(peer, f"{shop.registry.prefix}{name}", candidate[name]) is None
    assert shop.tags(third) == promoted
    shop.done("verify", "--tag", "latest")
    shop.done("verify", "--tag", "v1.0.1")

    assert "THE SAME: all 12 digests." in shop.done("rebuild", "v1.0.1")
    assert both() == {name: {tag: one for tag, one in back[name].items() if tag != CANDIDATE} for name in SERVICES}
    nothing_left(shop)
