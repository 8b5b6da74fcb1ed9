"""The workflows of `sealift init github`, run by act: what leaves, who signs it, and what is refused."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipelines.model import RECORDS
from tests.faults.acted import Hosted, push
from tests.faults.advisory_artifacts import served
from tests.faults.outcomes import nothing_left
from tests.faults.peers import distribution
from tests.faults.programs import eventually
from tests.faults.small import Small
from tests.faults.test_keyless import CALLED, configure
from tests.scratch import REGISTRY, run
from tests.sigstore.cosign import Cosign
from tests.sigstore.instance import Sigstore, identity_of
from tests.sigstore.issuer import REPOSITORY

BROKEN = "FROM scratch\nCOPY nothing-of-that-name /\n"

MAIN, TAG = "refs/heads/main", "refs/tags/v1.2.3"
COMMIT = "0" * 40


@pytest.fixture
def hosted(released: Small, sigstore: Sigstore, advisories: Path, tmp_path: Path) -> Iterator[Hosted]:
    """The smallest repository, with workflows that release pushes to main to staging, and tags to prod."""
    small = released.under_a_prefix_of_its_own()
    push(small.root)
    database = {"repository": f"{REGISTRY}/{served(small.registry, advisories)}"}
    local = {"registry": REGISTRY, "tags": ["dev"], "database": {"allow_sample": True}}
    small.extra |= {
        "source": "https://github.com/acme/shop",
        "environments": {
            "local": local,
            "staging": {"registry": REGISTRY, "tags": ["branch"], "tag_prefix": "staging-", "database": database},
            "prod": {"registry": REGISTRY, "tags": ["semver"], "database": database},
        },
    }
    subjects = [identity_of(ref=MAIN), identity_of(ref="refs/tags/{version}")]
    identities = [{"issuer": sigstore.issuer.url, "subject": subject} for subject in subjects]
    configure(small, sigstore, identities=identities)
    done = small.sealift("init", "github", "--sealift", COMMIT)
    assert done.returncode == 0, done.stderr
    assert "'signing.identities' of sealift.yaml does not name them yet" not in done.stdout
    small.commit()
    yield Hosted(folder=tmp_path / "hosted", small=small, issuer=sigstore.issuer)
    sigstore.issuer.job = {}
    run(["git", "tag", "-d", "v1.2.3", "vacation"], cwd=small.root)
    run(["git", "rm", "-rqf", ".github"], cwd=small.root)
    small.delete("web", "trivy-db", RECORDS)


@pytest.fixture
def parted(hosted: Hosted) -> Iterator[Hosted]:
    """The same with one service more, made of the first one's folder, and a job for each that builds it."""
    small = hosted.small
    # The dictionary belongs to all tests of the session.
    second = {**small.services["web"], "context": "services/web", "dockerfile": "services/web/Dockerfile"}
    small.services = {**small.services, "jobs": second}
    small.commit()
    done = small.sealift("init", "github", "--sealift", COMMIT, "--shards", "2")
    assert done.returncode == 0, done.stderr
    small.commit()
    yield hosted
    small.delete("jobs")


def unstyled(text: str) -> str:
    """What a terminal shows: act gives each step one."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


@pytest.fixture
def caller(hosted: Hosted, sigstore: Sigstore, tmp_path: Path) -> Hosted:
    """The same, but what releases is a workflow of another repository, which it calls."""
    small, other = hosted.small, tmp_path / "ci"
    other.mkdir()
    done = small.sealift("init", "reusable", "--sealift", COMMIT, "--root", str(other))
    assert done.returncode == 0, done.stderr
    who = {"issuer": sigstore.issuer.url, "subject": f"https://github.com/{CALLED}", "repository": REPOSITORY}
    configure(small, sigstore, identities=[{**who, "ref": MAIN}, {**who, "ref": "refs/tags/{version}"}])
    repository, _, commit = CALLED.partition("/.github/workflows/release-reusable.yml")
    done = small.sealift("init", "github", "--sealift", COMMIT, "--reusable", f"{repository}{commit}")
    assert done.returncode == 0, done.stderr
    assert "'signing.identities' of sealift.yaml does not name them yet" not in done.stdout
    small.commit()
    hosted.others, hosted.claims = {f"{repository}{commit}": other}, {"job_workflow_ref": CALLED}
    return hosted


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def signed(hosted: Hosted, sigstore: Sigstore, tag: str, ref: str, folder: Path) -> bool:
    """Whether plain Cosign takes what the tag names as signed by the release workflow at that ref."""
    registry = hosted.small.registry
    image = f"{REGISTRY}/{registry.prefix}web@{registry.digest('web', tag)}"
    return Cosign(sigstore=sigstore, folder=folder).verify(image, identity=identity_of(ref=ref)).returncode == 0


def test_a_push_is_released_signed_as_the_job_and_scanned_again_at_night(
    hosted: Hosted, sigstore: Sigstore, tmp_path: Path
) -> None:
    done = hosted.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode == 0, said(done)
    assert hosted.small.registry.tags("web") == ["staging-main"]
    assert signed(hosted, sigstore, "staging-main", MAIN, tmp_path)
    assert not signed(hosted, sigstore, "staging-main", TAG, tmp_path)
    assert sigstore.issuer.bearer not in said(done)
    assert hosted.given("actions/checkout") == [{"fetch-depth": "0", "persist-credentials": "false"}]
    assert hosted.given("github/codeql-action") == [{"sarif_file": "dist/sarif"}]
    (kept,) = hosted.given("actions/upload-artifact")
    assert (kept["path"], kept["retention-days"]) == ("dist/", "90")
    assert (hosted.folder / "kept/sarif/web.sarif").is_file()
    assert {"release.json", "summary.md", "reports"} <= {path.name for path in (hosted.folder / "kept/dist").iterdir()}
    assert COMMIT in (hosted.folder / "installed").read_text()
    night = hosted.act("schedule", "nightly.yml", "rescan-staging", ref=MAIN)
    assert night.returncode == 0, said(night)
    assert "no findings at HIGH or above" in said(night)


def test_a_tag_is_released_to_prod(hosted: Hosted, sigstore: Sigstore, tmp_path: Path) -> None:
    assert run(["git", "tag", "v1.2.3"], cwd=hosted.small.root).returncode == 0
    done = hosted.act("push", "release.yml", "release-prod", ref=TAG)
    assert done.returncode == 0, said(done)
    assert hosted.small.registry.tags("web") == ["v1", "v1.2", "v1.2.3"]
    assert signed(hosted, sigstore, "v1.2.3", TAG, tmp_path)


def test_a_tag_that_is_no_version_releases_nothing(hosted: Hosted) -> None:
    assert run(["git", "tag", "vacation"], cwd=hosted.small.root).returncode == 0
    done = hosted.act("push", "release.yml", "release-prod", ref="refs/tags/vacation")
    assert done.returncode != 0
    assert "'vacation'" in said(done)
    assert hosted.small.registry.tags("web") == []


def test_a_forks_pull_request_is_rehearsed_without_anything_that_counts(hosted: Hosted) -> None:
    asked = len(hosted.issuer.asked)
    pull = {"pull_request": {"head": {"repo": {"full_name": "octocat/shop"}, "ref": "change"}, "base": {"ref": "main"}}}
    done = hosted.act("pull_request", "pull-request.yml", "rehearse", ref="refs/pull/7/merge", payload=pull)
    assert done.returncode == 0, said(done)
    assert "PASSED: signed in the quarantine, nothing was pushed." in said(done)
    assert hosted.small.registry.tags("web") == []
    assert len(hosted.issuer.asked) == asked
    assert hosted.given("github/codeql-action") == []
    assert len(hosted.given("actions/upload-artifact")) == 1
    assert "no release" in (hosted.folder / "kept/dist/delta.md").read_text()


def test_by_hand_without_a_push(hosted: Hosted) -> None:
    event = {"inputs": {"environment": "staging", "push": "false", "services": "web"}}
    done = hosted.act("workflow_dispatch", "release.yml", "release-staging", ref=MAIN, payload=event)
    assert done.returncode == 0, said(done)
    assert "PASSED: signed in the quarantine, nothing was pushed." in said(done)
    assert hosted.small.registry.tags("web") == []


def test_a_job_that_may_not_have_its_identity_is_told_which_permission_it_lacks(hosted: Hosted) -> None:
    file = hosted.small.root / ".github/workflows/release.yml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "id-token" not in line))
    hosted.small.commit()
    done = hosted.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode != 0
    assert "no identity to sign with for the environment 'staging'" in said(done)
    assert "give the job 'permissions: id-token: write'" in said(done)
    assert hosted.small.registry.tags("web") == []


def test_a_push_is_built_in_parts_and_released_by_the_job_that_joins_them(
    parted: Hosted, sigstore: Sigstore, tmp_path: Path
) -> None:
    done = parted.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode == 0, said(done)
    parts = ["partial-staging-linux-amd64-1", "partial-staging-linux-amd64-2"]
    made = sorted((parted.folder / "artifacts").iterdir())
    assert [one.name for one in made] == parts
    assert all((one / "partial.json").is_file() for one in made)
    (fetched,) = parted.given("actions/download-artifact")
    assert fetched["pattern"] == "partial-staging-*"
    uploads = {one["name"]: one["retention-days"] for one in parted.given("actions/upload-artifact")}
    assert uploads == {**dict.fromkeys(parts, "1"), "dist-staging": "90"}
    shards, *builds, release = parted.called()
    assert shards[:2] == ("shards-staging", False)
    assert builds == [("build-staging", False, "build --partial")] * 2
    assert release[:2] == ("release-staging", True)
    assert release[2].startswith("assemble /")
    assert parted.small.registry.tags("web") == parted.small.registry.tags("jobs") == ["staging-main"]
    assert signed(parted, sigstore, "staging-main", MAIN, tmp_path)
    assert {"release.json", "summary.md", "reports"} <= {path.name for path in (parted.folder / "kept/dist").iterdir()}


def test_a_part_that_cannot_be_built_releases_nothing(parted: Hosted) -> None:
    small = parted.small
    broken = small.root / "services/web/broken.Dockerfile"
    broken.write_text(BROKEN)
    small.services["jobs"]["dockerfile"] = "services/web/broken.Dockerfile"
    small.commit()
    done = parted.act("push", "release.yml", "release-staging", ref=MAIN)
    broken.unlink()
    assert done.returncode != 0, said(done)
    assert "nothing-of-that-name" in said(done)
    assert "release-staging" not in [job for job, _, _ in parted.called()]
    assert small.registry.tags("web") == small.registry.tags("jobs") == []


def test_a_wrong_login_at_the_registry_publishes_nothing(hosted: Hosted, tmp_path: Path) -> None:
    with distribution(tmp_path / "peer", login=("owner", "right")) as peer:
        environments = hosted.small.extra["environments"]
        assert isinstance(environments, dict)
        environments["staging"] |= {"registry": peer.address, "insecure": True}
        hosted.small.commit()
        rewritten = hosted.small.sealift("init", "github", "--sealift", COMMIT)
        assert rewritten.returncode == 0, rewritten.stderr
        assert "  staging: secrets DOCKER_USERNAME, DOCKER_PASSWORD" in rewritten.stdout
        hosted.small.commit()
        hosted.secrets |= {"DOCKER_USERNAME": "owner", "DOCKER_PASSWORD": "wrong"}
        done = hosted.act("push", "release.yml", "release-staging", ref=MAIN)
        assert done.returncode != 0
        assert "exit status 5" in said(done)
        assert "log in: set DOCKER_USERNAME and DOCKER_PASSWORD" in said(done)
        assert peer.tags(f"{hosted.small.registry.prefix}web") == []
        hosted.secrets["DOCKER_PASSWORD"] = "right"
        done = hosted.act("push", "release.yml", "release-staging", ref=MAIN)
        assert done.returncode == 0, said(done)
        assert peer.tags(f"{hosted.small.registry.prefix}web") == ["staging-main"]


def test_a_job_that_is_cancelled_moves_nothing_and_the_next_one_releases(hosted: Hosted, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with hosted.acting("push", "release.yml", "release-staging", ref=MAIN, log=log) as job:
        assert eventually(lambda: "web linux/amd64" in unstyled(log.read_text()), 120), log.read_text()
        job.send_signal(signal.SIGINT)
        assert job.wait(timeout=60) != 0
    assert hosted.small.registry.tags("web") == []
    nothing_left(hosted.small)
    done = hosted.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode == 0, said(done)
    assert hosted.small.registry.tags("web") == ["staging-main"]


def test_a_workflow_of_another_repository_releases_what_its_own_jobs_have_built(
    caller: Hosted, sigstore: Sigstore, tmp_path: Path
) -> None:
    done = caller.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode == 0, said(done)
    shards, build, release = caller.called()
    assert shards[:2] == ("shards", False)
    assert build == ("build", False, "build --partial")
    assert release[:2] == ("release", True)
    assert re.fullmatch(r"assemble \S+/partials --documents +[0-9a-f]{64} +--own-tools", release[2].strip()), release
    assert caller.small.registry.tags("web") == ["staging-main"]
    image = f"{REGISTRY}/{caller.small.registry.prefix}web@{caller.small.registry.digest('web', 'staging-main')}"
    cosign, subject = Cosign(sigstore=sigstore, folder=tmp_path), f"https://github.com/{CALLED}"
    for repository, takes in ((REPOSITORY, True), ("acme/other", False)):
        asked = (f"--certificate-github-workflow-repository={repository}", f"--certificate-github-workflow-ref={MAIN}")
        assert (cosign.verify(image, *asked, identity=subject).returncode == 0) is takes


def test_what_another_job_of_the_callers_run_has_uploaded_is_refused(caller: Hosted) -> None:
    file = caller.small.root / ".github/workflows/release.yml"
    document = yaml.safe_load(file.read_text())
    there = "$HARNESS/artifacts/partial-staging-x"
    put = f'mkdir -p "{there}"; echo {{}} > "{there}/partial.json"'
    document["jobs"]["mine"] = {"runs-on": "ubuntu-24.04", "permissions": {}, "steps": [{"run": put}]}
    document["jobs"]["release-staging"]["needs"] = "mine"
    file.write_text(yaml.safe_dump({"on": document.pop(True), **document}))
    caller.small.commit()
    done = caller.act("push", "release.yml", "release-staging", ref=MAIN)
    assert done.returncode != 0
    # The width of a terminal wraps it.
    for words in ("nothing is assembled", "partial-staging-x/partial.json:", "nobody has announced"):
        assert words in said(done)
    assert caller.small.registry.tags("web") == []
