from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipelines.config.schema import Boot
from pipelines.contexts import Context
from pipelines.git import Revision
from pipelines.key import Ingredients, Key, Unknown, ingredients, is_key_tag, tree_hash
from pipelines.model import OCI, Platform
from pipelines.plan import ServicePlan

if TYPE_CHECKING:
    from tests.unit.conftest import Git, Samples

AMD64, ARM64 = Platform("linux/amd64"), Platform("linux/arm64")
DOCKERFILE = """\
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
COPY . /src
FROM debian:12
COPY --from=build /src /src
COPY --from=busybox:1 /bin/busybox /bin/
RUN --mount=type=bind,from=tools:2,target=/t true
"""


@pytest.fixture
def shop(empty_git: Git) -> Git:
    """A repository with two services and an ignored file in the first."""
    files = {
        ".gitignore": "*.log\n",
        "services__web__Dockerfile": DOCKERFILE,
        "services__web__.dockerignore": "notes\n",
        "services__web__server.py": "pass\n",
        "services__web__notes__todo": "nothing\n",
        "services__api__Dockerfile": "FROM scratch\n",
    }
    empty_git.commit("first", **files)
    return empty_git


def service(samples: Samples, **changes: object) -> ServicePlan:
    labels = {f"{OCI}title": "web", f"{OCI}revision": "a" * 40, f"{OCI}version": "v1.0.0", f"{OCI}created": "now"}
    return samples.service("web", **{"labels": labels, **changes})


def key(root: Path, planned: ServicePlan, **changes: object) -> Key:
    read = ingredients(root, planned)
    digests = {p: {str(image): f"sha256:{image.reference}" for image in images} for p, images in read.images.items()}
    given = {"digests": digests, "needs": {need: Key("0" * 64) for need in planned.needs}, "engine": "v0.21.8"}
    return read.key(**{**given, **changes})  # type: ignore[arg-type]


def touch(git: Git) -> None:
    for path in (git.root / "services/web").iterdir():
        os.utime(path, (time.time() + 5000,) * 2)


def write_again(git: Git) -> None:
    """The same files, in another order in their folder."""
    file = git.root / "services/web/server.py"
    text = file.read_text()
    git.write("services/web/a", "")
    file.unlink()
    file.write_text(text)
    (git.root / "services/web/a").unlink()


UNCHANGED = {
    "time of files": touch,
    "order of files": write_again,
    "ignored by Docker": lambda git: git.write("services/web/notes/todo", "something"),
    "ignored by git": lambda git: git.write("services/web/run.log", "x"),
    "another service": lambda git: git.write("services/api/Dockerfile", "FROM debian\n"),
    "a commit": lambda git: git.commit("another message"),
    "what a umask leaves": lambda git: (git.root / "services/web/server.py").chmod(0o664),
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_what_is_no_input_leaves_the_key(shop: Git, samples: Samples, what: str) -> None:
    (shop.root / "services/web/server.py").chmod(0o644)
    before = key(shop.root, service(samples))
    UNCHANGED[what](shop)
    assert key(shop.root, service(samples)) == before


CHANGED = {
    "content": lambda git: git.write("services/web/server.py", "fail\n"),
    "Dockerfile": lambda git: git.write("services/web/Dockerfile", DOCKERFILE + "USER 1\n"),
    "a new file": lambda git: git.write("services/web/more.py", ""),
    "a new folder": lambda git: (git.root / "services/web/more").mkdir(),
    "a file that is gone": lambda git: (git.root / "services/web/server.py").unlink(),
    "a name": lambda git: (git.root / "services/web/server.py").rename(git.root / "services/web/other.py"),
    "executable": lambda git: (git.root / "services/web/server.py").chmod(0o755),
    "not readable by others": lambda git: (git.root / "services/web/server.py").chmod(0o600),
    "no longer ignored": lambda git: git.write("services/web/.dockerignore", "other\n"),
    "a link": lambda git: (git.root / "services/web/link").symlink_to("server.py"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_an_input_changes_the_key(shop: Git, samples: Samples, what: str) -> None:
    before = key(shop.root, service(samples))
    CHANGED[what](shop)
    assert key(shop.root, service(samples)) != before


def test_where_a_link_leads_is_an_input(shop: Git, samples: Samples) -> None:
    link = shop.root / "services/web/link"
    link.symlink_to("server.py")
    before = key(shop.root, service(samples))
    link.unlink()
    link.symlink_to("Dockerfile")
    assert key(shop.root, service(samples)) != before


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "build"},
        {"args": {"A": "1"}},
        {"secrets": {"token": "env://TOKEN"}},
        {"platforms": (AMD64,)},
        {"needs": {"base": "BASE"}},
        {"labels": {f"{OCI}title": "other"}},
        {"boot": Boot(port=9000)},
        {"dirty": True},
        {"version": None},
        {"version": "v1.3.0-rc.1"},
    ],
)
def test_what_the_plan_says_is_an_input(shop: Git, samples: Samples, changes: dict[str, object]) -> None:
    assert key(shop.root, service(samples, **changes)) != key(shop.root, service(samples))


def test_commit_version_registry_and_where_a_secret_is_are_none(shop: Git, samples: Samples) -> None:
    secrets = {"secrets": {"token": "env://TOKEN"}}
    labels = {f"{OCI}title": "web", f"{OCI}revision": "b" * 40, f"{OCI}version": "v1.0.1", f"{OCI}created": "later"}
    later = service(
        samples, labels=labels, version="v1.0.1", secrets={"token": "file://other"}, size_budget=1,
        revision=Revision(commit="b" * 40, committed=datetime.now(UTC)), tags=(), reason="because",
    )  # fmt: skip
    assert key(shop.root, later) == key(shop.root, service(samples, **secrets))


def test_what_the_world_says_is_an_input(shop: Git, samples: Samples) -> None:
    planned = service(samples, needs={"base": "BASE"})
    read = ingredients(shop.root, planned)
    digests = {p: {str(image): "sha256:1" for image in images} for p, images in read.images.items()}
    moved = {**digests, ARM64: {**digests[ARM64], "debian:12": "sha256:2"}}
    keys = {
        key(shop.root, planned, digests=digests),
        key(shop.root, planned, digests=moved),
        key(shop.root, planned, digests=digests, needs={"base": Key("1" * 64)}),
        key(shop.root, planned, digests=digests, engine="v0.22.0"),
    }
    assert len(keys) == 4


def test_every_image_that_the_dockerfile_names_is_asked_for(shop: Git, samples: Samples) -> None:
    read = ingredients(shop.root, service(samples))
    assert list(read.images) == [AMD64, ARM64]
    assert list(map(str, read.images[ARM64])) == ["golang:1.26 for the builder", "debian:12", "busybox:1", "tools:2"]


def test_an_image_that_only_the_build_knows_gives_no_key(shop: Git, samples: Samples) -> None:
    shop.write("services/web/Dockerfile", "FROM ${UNKNOWN}\n")
    with pytest.raises(Unknown, match="by a variable"):
        ingredients(shop.root, service(samples))


def test_a_file_that_cannot_be_read_gives_no_key(shop: Git, samples: Samples) -> None:
    with pytest.raises(Unknown, match="cannot be read: No such file"):
        ingredients(shop.root, service(samples, dockerfile=PurePosixPath("None")))


def test_a_key_by_itself() -> None:
    assert Key("ab" * 32).tag == "key-" + "ab" * 32
    assert is_key_tag("key-" + "ab" * 32)
    for text in ("key-1", "v1.0.0", "key-" + "AB" * 32, "sha256-" + "ab" * 32):
        assert not is_key_tag(text)
    with pytest.raises(ValueError, match="expected 64 hexadecimal digits"):
        Key("latest")


def test_the_key_does_not_change_by_itself(samples: Samples) -> None:
    """Another key for the same inputs builds every image anew everywhere: it goes with a new FORMAT."""
    made_of = Ingredients(
        tree="t", dockerfile="d", target=None, args={"A": "1"}, secrets=("s",), labels={"l": "1"}, standing="release",
        checks=None, needs={"base": "BASE"}, images={AMD64: ()},
    )  # fmt: skip
    found = made_of.key(digests={AMD64: {}}, needs={"base": Key("0" * 64)}, engine="v0.21.8")
    assert found.short == "5494fae2d4d6"
    assert replace(made_of, tree="u").key(digests={AMD64: {}}, needs={"base": Key("0" * 64)}, engine="v0.21.8") != found


def test_what_a_users_own_settings_ignore_is_sent_and_is_an_input(shop: Git, samples: Samples) -> None:
    shop.write(".git/info/exclude", "local.*\n")
    before = key(shop.root, service(samples))
    shop.write("services/web/local.conf", "x")
    assert key(shop.root, service(samples)) != before


def test_a_whole_repository_as_context_has_no_git_and_no_secrets_in_it(shop: Git) -> None:
    context = Context(folder=PurePosixPath(), dockerfile=PurePosixPath("services/web/Dockerfile"))
    before = tree_hash(shop.root, context)
    shop.write(".env", "PASSWORD=x\n")
    shop("tag", "v1.0.0")
    assert tree_hash(shop.root, context) == before
