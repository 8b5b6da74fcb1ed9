"""Releases signed as an identity, with the real Sigstore: who may sign, who may not, and what is away."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from tests.faults.outcomes import nothing_left, published, refused
from tests.faults.small import Small, without_pauses
from tests.scratch import REGISTRY, run
from tests.sigstore.cosign import Cosign
from tests.sigstore.instance import Sigstore, identity_of
from tests.sigstore.issuer import LIFETIME, REPOSITORY
from tests.sigstore.tampering import Image, move, remove

OPTIONS = ("--no-scan",)
MAIN = "refs/heads/main"


@pytest.fixture(scope="module")
def made(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A repository of this file's own."""
    return Small.create(tmp_path_factory.mktemp("keyless"), engine)


@pytest.fixture
def job(made: Small, sigstore: Sigstore) -> Iterator[Small]:
    """The repository in a job of GitHub Actions, whose identity counts in its configuration.

    Its image is another one for each test: what is signed once is not signed again.
    """
    small = made.under_a_prefix_of_its_own()
    (small.root / "services/web/content").write_bytes(os.urandom(64))
    configure(small, sigstore)
    small.env |= sigstore.issuer.environment()
    yield small
    sigstore.issuer.job, sigstore.issuer.seconds = {}, LIFETIME
    small.delete("web", RECORDS)


def configure(
    small: Small,
    sigstore: Sigstore,
    *,
    subject: str = Sigstore.identity,
    root: Path | None = None,
    **changes: object,
) -> None:
    """Say whose signatures count, and commit."""
    shutil.copy(root or sigstore.trusted_root, small.root / "trusted-root.json")
    shutil.copy(sigstore.signing_config, small.root / "signing-config.json")
    identity = {"issuer": sigstore.issuer.url, "subject": subject}
    files = {"trusted_root": "trusted-root.json", "signing_config": "signing-config.json"}
    small.extra["source"] = f"https://github.com/{REPOSITORY}"
    small.extra["signing"] = {"identities": [identity], **files, **changes}
    small.commit()


def index_of(repository: Small) -> str:
    """The index that is published, as the host reaches it."""
    digest = repository.registry.digest("web", "dev")
    return f"{REGISTRY}/{repository.registry.prefix}web@{digest}"


def objection(repository: Small) -> str:
    """What 'verify' objects to."""
    done = repository.sealift("verify")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    nothing_left(repository)
    return done.stderr


def test_what_an_identity_signs_verifies_with_plain_cosign_too(job: Small, sigstore: Sigstore, tmp_path: Path) -> None:
    asked, began = len(sigstore.issuer.asked), time.time()
    said = published(job, *OPTIONS)
    assert sigstore.issuer.bearer not in said
    # Before anything is built, to be told early; what signs has lived for less than it may.
    audiences = [audience for audience, at in sigstore.issuer.asked[asked:] if at >= began]
    assert audiences
    assert set(audiences) == {"sigstore"}
    done = job.sealift("verify", "--commands", "--json")
    assert done.returncode == 0, done.stderr
    (item,) = json.loads(done.stdout)
    rest = dict.fromkeys(("key", "pattern", "repository", "ref"))
    who = {"subject": sigstore.identity, "issuer": sigstore.issuer.url, **rest}
    assert item["signed_by"] == [who]
    assert {check["outcome"] for check in item["checks"]} == {"ok"}
    # What it prints for everybody else, they can run.
    plain = job.sealift("verify", "--commands")
    printed = run(["sh", "-c", plain.stdout], env={**job.env, "HOME": str(tmp_path)})
    assert printed.returncode == 0, printed.stderr
    assert plain.stdout.count("\ncosign ") == len(item["commands"])
    cosign = Cosign(sigstore=sigstore, folder=tmp_path)
    assert cosign.verify(index_of(job)).returncode == 0
    for platform, digest in job.registry.index("web", "dev").items():
        image = f"{index_of(job).partition('@')[0]}@{digest}"
        assert cosign.verify(image).returncode == 0, platform
        assert cosign.verify_attestation(image, "spdxjson").returncode == 0
    assert job.record()["public_key"] is None
    # Nothing has changed: what verifies is not signed again.
    entries = sum(file.stat().st_size for file in (sigstore.folder / "log").rglob("*") if file.is_file())
    published(job, *OPTIONS)
    assert sum(file.stat().st_size for file in (sigstore.folder / "log").rglob("*") if file.is_file()) == entries


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"repository": "acme/other"}, identity_of("acme/other")),
        ({"ref": MAIN}, identity_of(ref=MAIN)),
    ],
    ids=["another repository", "another ref"],
)
def test_a_job_whose_identity_does_not_count_releases_nothing(
    job: Small, sigstore: Sigstore, claims: dict[str, str], found: str
) -> None:
    sigstore.issuer.job = claims
    said = refused(job, 3, *OPTIONS)
    assert f"this run would sign as {found.removeprefix('https://github.com/')} in a job of" in said
    assert " build " not in said


def test_a_job_that_no_pattern_matches_releases_nothing(job: Small, sigstore: Sigstore) -> None:
    """What a pattern matches, Cosign says: after signing, and before anything leaves."""
    pattern = {"subject_pattern": "https://github.com/acme/shop/.*@refs/heads/.*", "issuer": sigstore.issuer.url}
    configure(job, sigstore, identities=[pattern], allow_patterns=True)
    said = refused(job, 10, *OPTIONS)
    assert "what was just signed does not verify" in said
    assert sigstore.identity in said


CALLED = f"acme/ci/.github/workflows/release-reusable.yml@{'c' * 40}"
GITHUB = {
    "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_REF": MAIN, "GITHUB_RUN_ID": "7",
    "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/release.yml@{MAIN}",
}  # fmt: skip
"""What a job of a reusable workflow finds: all of it is of the workflow that calls it."""


def called(job: Small, sigstore: Sigstore, *, by: str, expected: str | None) -> None:
    """Let a repository's job call another one's workflow, and its configuration say whose job it has to be."""
    sigstore.issuer.job = {
        "repository": by, "ref": MAIN, "job_workflow_ref": CALLED, "job_workflow_sha": "c" * 40,
        "workflow_ref": f"{by}/.github/workflows/release.yml@{MAIN}",
    }  # fmt: skip
    said = {"repository": expected, "ref": MAIN} if expected else {}
    identity = {"issuer": sigstore.issuer.url, "subject": f"https://github.com/{CALLED}", **said}
    configure(job, sigstore, identities=[identity])
    job.env |= GITHUB


def test_a_reusable_workflow_signs_for_who_calls_it(job: Small, sigstore: Sigstore, tmp_path: Path) -> None:
    called(job, sigstore, by=REPOSITORY, expected=REPOSITORY)
    published(job, *OPTIONS)
    done = job.sealift("verify", "--json")
    assert done.returncode == 0, done.stderr
    (signatory,) = json.loads(done.stdout)[0]["signed_by"]
    assert (signatory["subject"], signatory["repository"]) == (f"https://github.com/{CALLED}", REPOSITORY)
    assert signatory["ref"] == MAIN
    plain = job.sealift("verify", "--commands")
    asked = f"--certificate-github-workflow-repository={REPOSITORY} --certificate-github-workflow-ref={MAIN} "
    assert plain.stdout.count(asked) == plain.stdout.count("\ncosign ")
    printed = run(["sh", "-c", plain.stdout], env={**job.env, "HOME": str(tmp_path)})
    assert printed.returncode == 0, printed.stderr
    cosign, who = Cosign(sigstore=sigstore, folder=tmp_path), f"https://github.com/{CALLED}"
    root = ("--trusted-root", str(sigstore.trusted_root))
    for repository, code in ((REPOSITORY, 0), ("acme/other", 10)):
        flag = f"--certificate-github-workflow-repository={repository}"
        assert (cosign.verify(index_of(job), flag, identity=who).returncode == 0) is (code == 0)
        given = ("--identity", who, "--issuer", sigstore.issuer.url, "--repository", repository)
        done = job.sealift("verify", "web:dev", *given, *root)
        assert done.returncode == code, done.stderr
    assert job.sealift("verify", "web:dev", *given[:-1], REPOSITORY, "--ref", "refs/tags/v1", *root).returncode == 10
    # The builder is who signs, whatever the variables say.
    attested = cosign.verify_attestation(index_of(job), "slsaprovenance1", identity=who)
    assert attested.returncode == 0, attested.stderr
    statement = json.loads(base64.b64decode(json.loads(attested.stdout.splitlines()[0])["payload"]))
    assert statement["predicate"]["runDetails"]["builder"]["id"] == who


def test_a_reusable_workflow_that_another_repository_calls(job: Small, sigstore: Sigstore) -> None:
    called(job, sigstore, by="acme/other", expected=REPOSITORY)
    said = refused(job, 3, *OPTIONS)
    assert f"this run would sign as {CALLED} in a job of acme/other at {MAIN}, and nobody could verify it" in said
    assert " build " not in said
    # What it does sign, for a configuration of its own, is nothing for this one.
    called(job, sigstore, by="acme/other", expected="acme/other")
    published(job, *OPTIONS)
    called(job, sigstore, by=REPOSITORY, expected=REPOSITORY)
    assert f'expected GithubWorkflowRepository to be "{REPOSITORY}", got "acme/other"' in objection(job)


def test_a_workflow_of_another_repository_is_trusted_only_for_a_repository(job: Small, sigstore: Sigstore) -> None:
    called(job, sigstore, by=REPOSITORY, expected=None)
    said = refused(job, 3, *OPTIONS)
    assert f"signing.identities[0].subject: is not of github.com/{REPOSITORY}, the 'source'" in said
    assert "say whose job it has to be: 'repository: OWNER/NAME'" in said


def test_a_version_in_the_identity_is_that_of_the_image(job: Small, sigstore: Sigstore) -> None:
    configure(job, sigstore, subject=identity_of(ref="refs/tags/{version}"))
    said = refused(job, 10, *OPTIONS)
    assert "no identity that may sign it is in the configuration" in said
    published(job, *OPTIONS, "--version", "v1.0.0")
    done = job.sealift("verify", "--version", "v1.0.0")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wrong", ["identity", "issuer", "trust root", "no such pattern"])
def test_what_somebody_else_has_signed_does_not_verify(job: Small, sigstore: Sigstore, wrong: str) -> None:
    published(job, *OPTIONS)
    if wrong == "identity":
        configure(job, sigstore, subject=identity_of(ref=MAIN))
        assert f'expected SAN value "{identity_of(ref=MAIN)}", got "{sigstore.identity}"' in objection(job)
    elif wrong == "issuer":
        configure(job, sigstore, identities=[{"subject": sigstore.identity}])
        assert 'expected issuer value "https://token.actions.githubusercontent.com"' in objection(job)
    elif wrong == "trust root":
        configure(job, sigstore, root=sigstore.replaced_root())
        assert "threshold not met" in objection(job) or "not enough verified" in objection(job)
    else:
        pattern = {"subject_pattern": "https://github.com/acme/shop/.*@refs/heads/.*", "issuer": sigstore.issuer.url}
        configure(job, sigstore, identities=[pattern], allow_patterns=True)
        assert "SAN" in objection(job)
        pattern["subject_pattern"] = "https://github.com/acme/shop/.*@refs/tags/v[0-9.]+"
        configure(job, sigstore, identities=[pattern], allow_patterns=True)
        assert job.sealift("verify").returncode == 0


def test_signatures_that_are_removed_or_of_another_digest(job: Small, tmp_path: Path) -> None:
    published(job, *OPTIONS)
    image = Image(index_of(job))
    platform = Image(f"{image.repository}@{job.registry.index('web', 'dev')['linux/amd64']}")
    remove(image)
    assert "no signatures" in objection(job).lower() or "no matching attestations" in objection(job)
    move(platform, image)
    assert objection(job)


def test_an_expired_token_is_told_before_anything_is_built(job: Small, sigstore: Sigstore) -> None:
    sigstore.issuer.seconds = -60
    said = refused(job, 10, *OPTIONS)
    assert "the identity token has expired" in said
    assert " build " not in said


def test_a_private_repository_signs_at_the_public_log_only_if_it_says_so(job: Small, sigstore: Sigstore) -> None:
    sigstore.issuer.job = {"repository_visibility": "private"}
    job.extra["signing"] = {"identities": [{"issuer": sigstore.issuer.url, "subject": sigstore.identity}]}
    job.commit()
    said = refused(job, 3, *OPTIONS)
    assert "acme/shop is private, and its name" in said
    assert "public_log: true" in said
    assert " build " not in said
    configure(job, sigstore)
    published(job, *OPTIONS)


@pytest.mark.parametrize("service", ["fulcio", "rekor", "tsa"])
def test_a_signing_service_that_is_away(job: Small, sigstore: Sigstore, service: str) -> None:
    job.prepared.append(without_pauses)
    away = getattr(sigstore, service)
    with away.down():
        said = refused(job, 10, *OPTIONS)
    assert f"localhost:{away.port}" in said
    assert "nothing has left the machine; run the command again when the service answers" in said
    published(job, *OPTIONS)


def test_a_token_that_is_given(job: Small, sigstore: Sigstore) -> None:
    for name in sigstore.issuer.environment():
        job.env.pop(name)
    said = refused(job, 3, "--env", "staging")
    assert "no identity to sign with for the environment 'staging'" in said
    assert "id-token: write" in said
    job.env |= {"SIGNING_TOKEN": "env://GIVEN", "GIVEN": sigstore.token()}
    said = published(job, *OPTIONS)
    assert job.env["GIVEN"] not in said
    assert job.env["GIVEN"] not in json.dumps(job.record())
    job.env["GIVEN"] = "not-a-token"
    said = refused_again(job)
    assert "what is given as an identity token is none" in said
    assert "not-a-token" not in said


def refused_again(job: Small) -> str:
    """The same for a repository that has published: what there is stays."""
    before = job.registry.digest("web", "dev")
    done = job.sealift("build-all", *OPTIONS)
    assert done.returncode == 10, done.stderr
    assert job.registry.digest("web", "dev") == before
    nothing_left(job)
    return done.stdout + done.stderr
