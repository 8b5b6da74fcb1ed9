"""A key that stays in a KMS that speaks Amazon's API."""

from __future__ import annotations

from pathlib import Path

from tests.faults.kms import kms
from tests.faults.outcomes import nothing_left, published, refused
from tests.faults.small import Small
from tests.scratch import REGISTRY, run

OPTIONS = ("--no-scan",)


def test_a_key_in_a_kms_signs_and_never_leaves_it(repository: Small, tmp_path: Path) -> None:
    with kms(tmp_path) as service:
        repository.env |= service.environment
        repository.extra["signing"] = {"key": service.key}
        repository.commit()
        said = published(repository, *OPTIONS)
        assert "Sign" in service.asked
        assert service.environment["AWS_SECRET_ACCESS_KEY"] not in said
        done = repository.sealift("verify")
        assert done.returncode == 0, done.stderr
        # The record has its public half, and with that anybody verifies.
        public = tmp_path / "cosign.pub"
        public.write_text(repository.record()["public_key"])
        image = f"{REGISTRY}/{repository.registry.prefix}web@{repository.registry.digest('web', 'dev')}"
        done = run(["cosign", "verify", f"--key={public}", "--insecure-ignore-tlog=true", image], env=repository.env)
        assert done.returncode == 0, done.stderr
        # A variable names another key, which there is not.
        repository.env["SIGNING_KEY"] = service.key.replace("release", "other")
        before = repository.registry.digest("web", "dev")
        done = repository.sealift("build-all", *OPTIONS)
        assert done.returncode == 10, done.stderr
        assert f"the private key at {repository.env['SIGNING_KEY']} cannot be used: " in done.stderr
        assert "docs/security.md" in done.stderr
        assert repository.registry.digest("web", "dev") == before
        nothing_left(repository)


def test_a_kms_that_is_away(repository: Small) -> None:
    repository.env |= {"SIGNING_KEY": "awskms://localhost:1/alias/release", "AWS_REGION": "us-east-1"}
    said = refused(repository, 10, *OPTIONS)
    assert "the private key at awskms://localhost:1/alias/release cannot be used: " in said
    assert " build " not in said


def test_an_address_that_is_none(repository: Small) -> None:
    repository.env["SIGNING_KEY"] = "awskm:///alias/release"
    said = refused(repository, 3, *OPTIONS)
    assert "SIGNING_KEY" in said
