"""What a release engineer does in a month, in order, on a repository of six services: `docs/releasing.md` shows it.

`transcript.txt` in the test's folder has what the commands printed; the document's outputs are from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from tests.faults.outcomes import nothing_left
from tests.faults.peers import Peer, distribution
from tests.scratch import REGISTRY, ROOT, TINY, Registry, Scratch, run

SERVICES = ("cart", "catalog", "checkout", "mailer", "search", "web")
TAGS = ["semver", "latest-on-release"]


@dataclass
class Shop(Scratch):
    """Six services, two registries that they are released to, and a third that they are promoted to."""

    transcript: list[str] = field(default_factory=list)

    def done(self, *arguments: str) -> str:
        """Run the command, which succeeds; what it printed on standard output."""
        ended = self.sealift(*arguments)
        self.transcript += [f"$ sealift {' '.join(arguments)}", ended.stdout]
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def tagged(self, version: str) -> None:
        """Change one service, commit, and cut a git tag."""
        with (self.root / "services/web/server.py").open("a") as file:
            file.write(f"# {version}\n")
        self.commit()
        assert run(["git", "tag", version], cwd=self.root).returncode == 0
        self.transcript.append(f"$ git tag {version}")

    def indexes(self) -> dict[str, str]:
        """Service → index, by the last run's record."""
        return {name: service["index"] for name, service in self.record()["services"].items()}

    def reused(self) -> set[str]:
        """The services that the last run did not build, by its record."""
        return {name for name, service in self.record()["services"].items() if service["reused"]}

    def named(self, tag: str) -> dict[str, str | None]:
        """Service → what a tag names at the first registry."""
        return {name: self.registry.digest(name, tag) for name in SERVICES}


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
    made = Shop(
        root=tmp_path / "shop", env=env, registry=Registry(prefix=f"{tmp_path.name}/".replace("_", "-"), env=engine)
    )
    made.root.mkdir()
    (made.root / ".gitignore").write_text("dist/\n.env\n")
    for name in SERVICES:
        made.service(name, dockerfile=TINY, settings={"boot": None})
        (made.root / f"services/{name}/server.py").write_text(f"# {name} of {tmp_path}\n")
    second, third = peers
    made.extra["environments"] = {
        "local": {
            "registry": REGISTRY,
            "tags": TAGS,
            "also": [{"registry": second.address, "prefix": "shop/"}],
        },
        "prod": {"registry": third.address, "prefix": "shop/", "tags": TAGS},
    }
    yield made
    (tmp_path / "transcript.txt").write_text("\n".join(made.transcript))
    for name in (*SERVICES, RECORDS):
        for tag in made.registry.regctl("tag", "ls", f"{REGISTRY}/{made.registry.prefix}{name}").stdout.split():
            made.registry.regctl("tag", "rm", f"{REGISTRY}/{made.registry.prefix}{name}:{tag}")


def test_releases_are_cut_promoted_taken_back_pruned_and_rebuilt(shop: Shop, peers: tuple[Peer, Peer]) -> None:
    second, third = peers
    shop.tagged("v1.0.0")
    shop.done("build-all", "--no-scan")
    first = shop.indexes()
    assert shop.reused() == set()
    assert shop.named("latest") == shop.named("v1.0") == first
    for name in SERVICES:
        assert sorted(second.tags(f"shop/{name}")) == sorted(
            tag for tag in second.tags(f"shop/{name}") if tag.startswith(("key-", "v1", "latest"))
        )

    shop.tagged("v1.0.1-rc.1")
    shop.done("build-all", "--no-scan")
    candidate = shop.indexes()["web"]
    assert shop.named("latest") == first

    shop.tagged("v1.0.1")
    shop.done("build-all", "--no-scan")
    later = shop.indexes()
    assert shop.reused() == set(SERVICES) - {"web"}
    assert {name for name in SERVICES if later[name] != first[name]} == {"web"}
    assert shop.named("latest") == shop.named("v1.0.1") == later

    shop.done("promote", "v1.0.1", "--from", "local", "--to", "prod")
    for name in SERVICES:
        assert {"v1.0.1", "v1.0", "v1", "latest"} <= set(third.tags(f"shop/{name}"))

    shop.done("rollback", "--to", "v1.0.0")
    assert shop.named("latest") == first
    assert shop.named("v1.0.1") == later

    held = ["manifest", "head", f"{REGISTRY}/{shop.registry.prefix}web@{candidate}"]
    keeping = ["registry", "prune", "--registry", REGISTRY, "--keep-last", "1"]
    shop.done(*keeping)
    assert shop.registry.regctl(*held).returncode == 0, "a dry run deleted something"
    shop.done(*keeping, "--confirm")
    assert shop.registry.regctl(*held).returncode != 0
    assert shop.named("latest") == first
    assert shop.named("v1.0.1") == later
    shop.done("verify", "--tag", "v1.0.1")

    said = shop.done("rebuild", "v1.0.1")
    assert "same" in said
    nothing_left(shop)
