"""A key that stays in a KMS: Amazon's API, spoken by moto with keys and signatures that are real."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.faults.outcomes import nothing_left, published, refused
from tests.faults.small import Small
from tests.scratch import REGISTRY, run

OPTIONS = ("--no-scan",)


@dataclass(frozen=True, kw_only=True)
class Kms:
    """:param key: its address, as Cosign has it."""

    key: str
    environment: dict[str, str]
    asked: list[str]


@contextmanager
def kms() -> Iterator[Kms]:
    """A KMS with one key, on the loopback, until the block ends."""
    asked: list[str] = []
    application = DomainDispatcherApplication(create_backend_app)

    def logged(environ: dict[str, str], start: object) -> object:
        asked.append(environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2])
        return application(environ, start)

    server = make_server("127.0.0.1", 0, logged, threaded=True, ssl_context="adhoc")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        "AWS_REGION": "us-east-1",
        "AWS_TLS_INSECURE_SKIP_VERIFY": "1",
    }
    try:
        client = boto3.client(
            "kms",
            endpoint_url=f"https://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="tests",
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            verify=False,
        )
        made = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
        client.create_alias(AliasName="alias/release", TargetKeyId=made)
        yield Kms(key=f"awskms://localhost:{server.server_port}/alias/release", environment=environment, asked=asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_key_in_a_kms_signs_and_never_leaves_it(repository: Small, tmp_path: Path) -> None:
    with kms() as service:
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
