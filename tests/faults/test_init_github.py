"""`sealift init github`: what it writes, what it leaves alone, and what it says is left to do."""

from __future__ import annotations

import pytest

from tests.faults.bad_input import refused
from tests.faults.command import Bare

COMMIT = "0" * 40
LEAVING = "  local: {registry: localhost:5000, tags: [dev]}\n  prod: {registry: registry.example.com}\n"
GITHUB = ("init", "github", "--sealift", COMMIT)


@pytest.fixture
def repository(bare: Bare) -> Bare:
    bare.configure("  local: {registry: localhost:5000, tags: [dev]}\n", LEAVING)
    return bare


def test_it_writes_and_says_what_github_has_to_be_told(repository: Bare) -> None:
    done = repository.sealift(*GITHUB)
    assert done.code == 0, done.err
    files = sorted(path.name for path in (repository.root / ".github/workflows").iterdir())
    assert files == ["nightly.yml", "pull-request.yml", "release.yml"]
    assert "At https://example.com/scratch/settings/environments there must be:" in done.out
    assert "  prod: secrets DOCKER_USERNAME, DOCKER_PASSWORD, COSIGN_KEY, COSIGN_PASSWORD" in done.out
    assert repository.sealift(*GITHUB, "--check").code == 0
    again = repository.sealift(*GITHUB)
    assert again.out.count("unchanged ") == 3


def test_identities_that_do_not_count_yet_are_named(repository: Bare) -> None:
    subject = "https://example.com/scratch/.github/workflows/release.yml@refs/tags/{version}"
    other = "subject: https://github.com/acme/a/.github/workflows/b.yml@refs/heads/main, repository: acme/scratch"
    repository.configure("environments:", f"signing: {{identities: [{{{other}}}]}}\nenvironments:")
    done = repository.sealift(*GITHUB)
    assert done.code == 0, done.err
    assert f"  - subject: {subject}" in done.out


CALLED = f"acme/ci@{'c' * 40}"


def test_what_calls_another_repositorys_workflow(repository: Bare) -> None:
    keyed = refused(repository.sealift(*GITHUB, "--reusable", CALLED))
    assert keyed[0] == "error: what leaves for prod is signed with a key, and a called workflow signs as itself"
    subject = f"https://github.com/acme/ci/.github/workflows/release-reusable.yml@{'c' * 40}"
    repository.configure("source: https://example.com/scratch", "source: https://github.com/acme/scratch")
    repository.configure("environments:", "signing: {method: keyless, identities: [{subject: me}]}\nenvironments:")
    done = repository.sealift(*GITHUB, "--reusable", CALLED)
    assert done.code == 0, done.err
    assert f"  - subject: {subject}\n    repository: acme/scratch\n    ref: refs/tags/{{version}}\n" in done.out
    assert "  prod: secrets DOCKER_USERNAME, DOCKER_PASSWORD\n" in done.out
    text = (repository.root / ".github/workflows/release.yml").read_text()
    assert f"uses: {subject.removeprefix('https://github.com/')}\n" in text
    named = f"subject: '{subject}', repository: acme/scratch, ref: 'refs/tags/{{version}}'"
    repository.configure("subject: me", named)
    assert "does not name them yet" not in repository.sealift(*GITHUB, "--reusable", CALLED).out


def test_a_workflow_for_others_needs_no_configuration(bare: Bare) -> None:
    (bare.root / "sealift.yaml").unlink()
    command = ("init", "reusable", "--sealift", COMMIT)
    assert bare.sealift(*command, "--check").code == 1
    done = bare.sealift(*command, "--shards", "2", "--runner", "linux/riscv64=our-board")
    assert done.code == 0, done.err
    text = (bare.root / ".github/workflows/release-reusable.yml").read_text()
    assert "--runner linux/riscv64=our-board" in text
    assert "linux-riscv64-2: ${{ steps.build.outputs.linux-riscv64-2 }}" in text
    assert bare.sealift(*command).out.startswith("wrote ")
    assert bare.sealift("init", "reusable", "--sealift", "v1").code == 2


def test_what_somebody_has_written_stays(repository: Bare) -> None:
    file = repository.write(".github/workflows/release.yml", "name: mine\n")
    lines = refused(repository.sealift(*GITHUB))
    assert "release.yml was not written by this command, or was changed since" in lines[0]
    assert file.read_text() == "name: mine\n"
    assert not file.with_name("nightly.yml").exists()
    checked = repository.sealift(*GITHUB, "--check")
    assert checked.code == 1
    assert "release.yml is another" in checked.err
    assert "nightly.yml is not there" in checked.err
    assert repository.sealift(*GITHUB, "--force").code == 0
    assert file.read_text() != "name: mine\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--tags", "nope"), 3, "sealift.yaml has no environment nope that releases leave this machine for"),
        (("--env", "local"), 3, "name one of these: prod"),
        (("--branch", "main"), 2, "'main': expected NAME=ENV"),
        (("--branch", "a=prod", "--branch", "a=prod"), 2, "a is there twice"),
        (("--branch", "a'b=prod"), 2, "expected NAME=ENV"),
        (("--runner", "linux/amd64"), 2, "'linux/amd64': expected PLATFORM=LABEL"),
        (("--runner", "linux/amd64="), 2, "expected PLATFORM=LABEL"),
        (("--runner", "linux/amd64=a b"), 2, "expected PLATFORM=LABEL"),
        (("--runner", "linux/amd64=${{ secrets.A }}"), 2, "expected PLATFORM=LABEL"),
        (("--runner", "amd64=a"), 2, "'amd64' is not a platform"),
        (("--runner", "linux/amd64=a", "--runner", "linux/amd64=b"), 2, "linux/amd64 is there twice"),
        (("--runner", "linux/riscv64=a"), 3, "--runner: no such platform: 'linux/riscv64'"),
        (("--shards", "0"), 2, "0 is not in the range"),
        (("--shards", "257"), 2, "257 is not in the range"),
        (("--shards", "129"), 2, "129 for each of 2 platforms are more jobs than the 256 of a matrix"),
        (("--reusable", "acme/ci@v1"), 2, "'acme/ci@v1': expected OWNER/REPOSITORY@COMMIT"),
        (("--reusable", CALLED, "--shards", "2"), 2, "--reusable has runners of its own"),
        (("--sealift", "v1.0"), 2, "expected a full commit, 40 hexadecimal digits, or '.'"),
    ],
)
def test_bad_options(repository: Bare, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = repository.sealift(*GITHUB, *arguments)
    assert done.code == code, done.err
    assert said in done.err
    assert not (repository.root / ".github").exists()


def test_a_platform_without_a_runner(repository: Bare) -> None:
    repository.configure("project: scratch\n", "project: scratch\nplatforms: [linux/amd64, linux/s390x]\n")
    lines = refused(repository.sealift(*GITHUB, "--native"))
    assert lines == [
        "error: no runner is known that builds for linux/s390x",
        "  remedy: name one for each: --runner linux/s390x=LABEL",
    ]
    assert repository.sealift(*GITHUB).code == 0
    done = repository.sealift(*GITHUB, "--runner", "linux/s390x=our-mainframe")
    assert done.code == 0, done.err
    assert done.out.count("wrote ") == 1
    assert "runner: our-mainframe" in (repository.root / ".github/workflows/release.yml").read_text()


def test_services_for_other_platforms_each_are_divided_when_it_is_known_which_are_released(repository: Bare) -> None:
    repository.configure("web: {}", "web: {}\n  jobs: {context: services/web, platforms: [linux/arm64]}")
    done = repository.sealift(*GITHUB, "--native")
    assert done.code == 0, done.err
    assert "sealift shards --count 1 " in (repository.root / ".github/workflows/release.yml").read_text()


def test_a_repository_that_nothing_leaves(bare: Bare) -> None:
    lines = refused(bare.sealift(*GITHUB))
    assert lines[0] == "error: sealift.yaml has no environment that releases leave this machine for"
