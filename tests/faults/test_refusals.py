"""Bad input and failing images: an exit code of its kind, an error that says what, where and what to do, and no tag."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time

import pytest

from tests.faults.outcomes import refused
from tests.scratch import DOCKERFILE, SEALIFT, TINY, Scratch

METADATA = "Metadata-Version: 2.1\nName: starlette\nVersion: {version}\n"
DPKG = (
    "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2.8.dfsg-5\nArchitecture: amd64\n"
    "Maintainer: nobody <nobody@example.com>\nDescription: compression library\n\n"
)
# Not a key of anything: a private key's outline with made-up content, which scanners know by its shape.
OUTLINE = (
    "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(["MIIE" + "A" * 60] * 12) + "\n-----END RSA PRIVATE KEY-----\n"
)


def test_a_vulnerable_package_in_one_platform_stops_the_release_of_all(scratch: Scratch) -> None:
    dockerfile = DOCKERFILE.replace(
        "USER", "ARG TARGETARCH\nCOPY site-${TARGETARCH} /usr/lib/python3/dist-packages/\nUSER"
    )
    folder = scratch.service("web", dockerfile=dockerfile, settings={"boot": None})
    for arch, version in (("amd64", "0.49.0"), ("arm64", "0.36.0")):
        info = folder / f"site-{arch}" / f"starlette-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA.format(version=version))
    scratch.service("other", settings={"boot": None})
    scratch.extra["platforms"] = ["linux/amd64", "linux/arm64"]
    scratch.commit()
    said = refused(scratch, 4)
    assert "web linux/arm64 vulnerability: CVE-2024-47874 HIGH in starlette 0.36.0" in said
    assert "web linux/amd64 vulnerability" not in said
    assert "upgrade starlette" in said
    assert scratch.record()["verdict"]["passed"] is False
    assert (scratch.root / "dist/reports/web/linux-arm64/scan.sarif").is_file()
    # The way back: mend it, and the next run succeeds without cleaning by hand.
    (folder / "site-arm64/starlette-0.36.0.dist-info/METADATA").write_text(METADATA.format(version="0.49.0"))
    scratch.commit()
    done = scratch.sealift("build-all")
    assert done.returncode == 0, done.stderr
    assert scratch.registry.tags("web") == ["dev"]


def test_a_distribution_that_is_not_known_or_at_its_end_stops_the_release(scratch: Scratch) -> None:
    dockerfile = "FROM scratch\nCOPY system /\nUSER 1001:1001\n"
    for name, system, version in (("web", "nosuch", "1"), ("old", "debian", "9")):
        folder = scratch.service(name, dockerfile=dockerfile, settings={"boot": None}) / "system"
        status = folder / "var/lib/dpkg/status"
        package = folder / "usr/lib/python3/dist-packages/starlette-0.49.0.dist-info"
        for path in (status.parent, folder / "etc", package):
            path.mkdir(parents=True)
        status.write_text(DPKG)
        (folder / "etc/os-release").write_text(f'ID={system}\nVERSION_ID="{version}"\nPRETTY_NAME="{system}"\n')
        (package / "METADATA").write_text(METADATA.format(version="0.49.0"))
    (folder / "etc/debian_version").write_text("9.13\n")
    scratch.commit()
    said = refused(scratch, 4)
    assert "web linux/amd64 scan: the scanner does not know the distribution: it saw none of 1 package" in said
    assert "old linux/amd64 distribution: debian 9.13 is at the end of its life" in said


def test_a_secret_in_a_layer_stops_the_release(scratch: Scratch) -> None:
    folder = scratch.service("web", dockerfile=DOCKERFILE.replace("USER", "COPY id_rsa /app/id_rsa\nUSER"))
    (folder / "id_rsa").write_text(OUTLINE)
    scratch.commit()
    assert "web linux/amd64 secret:" in refused(scratch, 4)


def test_root_size_and_layers_are_all_reported_at_once(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=DOCKERFILE.replace("USER 1001:1001\n", ""), settings={"size_budget": "1MB"})
    scratch.extra["policy"] = {"max_layers": 1}
    scratch.commit()
    said = refused(scratch, 4)
    for rule in ("user", "size", "layers"):
        assert f"web linux/amd64 {rule}:" in said


def test_a_dockerfile_that_does_not_build_names_its_step(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.service("broken", dockerfile=DOCKERFILE.replace("USER", "RUN echo it-broke-here >&2; exit 7\nUSER"))
    scratch.commit()
    said = refused(scratch, 8)
    assert "broken linux/amd64 build:" in said
    assert "exit code 7" in said
    assert "it-broke-here" in said
    assert "services/broken/Dockerfile" in said


@pytest.mark.parametrize(
    ("entrypoint", "boot", "message"),
    [
        ('["python3", "/app/server.py", "503"]', {"timeout": 3}, "HTTP 503"),
        ('["python3", "-c", "import sys; print(\'no-config\'); sys.exit(3)"]', {"timeout": 20}, "no-config"),
        ('["python3", "-c", "import time; time.sleep(600)"]', {"timeout": 3}, "listened on port 8080"),
    ],
    ids=["never-healthy", "exits-at-once", "never-listens"],
)
def test_an_image_that_does_not_come_up_stops_the_release(
    scratch: Scratch, entrypoint: str, boot: dict[str, object], message: str
) -> None:
    dockerfile = DOCKERFILE.replace('["python3", "/app/server.py"]', entrypoint)
    scratch.service("web", dockerfile=dockerfile, settings={"boot": boot})
    scratch.commit()
    said = refused(scratch, 9)
    assert "web linux/amd64 boot:" in said
    assert message in said


def test_an_unreachable_registry_is_said_before_anything_is_built(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    said = refused(scratch, 5, "--registry", "localhost:1")
    assert "localhost:1" in said
    assert "build" not in [line.split()[2] for line in said.splitlines() if line.startswith("[")]


def test_a_configuration_with_problems_starts_no_engine(scratch: Scratch) -> None:
    scratch.service("web", settings={"contxt": "x"})
    scratch.extra["platforms"] = ["linux/amd64", "windows"]
    scratch.commit()
    scratch.env["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = "tcp://127.0.0.1:1"
    done = scratch.sealift("build-all")
    assert done.returncode == 3
    assert "did you mean 'context'?" in done.stderr
    assert "windows" in done.stderr


def test_no_scan_is_refused_where_a_release_leaves(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    scratch.env |= {"SIGNING_KEY": "env://SCRATCH_KEY", "SCRATCH_KEY": "not looked at"}
    assert "--no-scan" in refused(scratch, 3, "--env", "staging", "--no-scan")


def test_a_lost_engine_is_an_engine_error(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    scratch.env["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = "tcp://127.0.0.1:1"
    done = scratch.sealift("build-all", timeout=180)
    assert done.returncode == 7, done.stderr
    assert "sealift doctor" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_the_run_in_order_and_the_next_one_succeeds(scratch: Scratch, number: signal.Signals) -> None:
    slow = DOCKERFILE.replace("USER", "RUN sleep 300\nUSER")
    folder = scratch.service("web", dockerfile=slow)
    scratch.commit()
    process = subprocess.Popen(
        [*SEALIFT, "build-all"], cwd=scratch.root, env={**os.environ, **scratch.env},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if " build " in line:
            break
    time.sleep(4)
    os.killpg(process.pid, number)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert time.monotonic() - began < 45
    assert "interrupted" in said
    assert "Traceback" not in said
    assert scratch.registry.tags("web") == []
    (folder / "Dockerfile").write_text(DOCKERFILE)
    scratch.commit()
    assert scratch.sealift("build-all").returncode == 0


def test_one_failure_cancels_the_others_and_is_the_only_one_reported(scratch: Scratch) -> None:
    scratch.service("slow", dockerfile=DOCKERFILE.replace("USER", "RUN sleep 120\nUSER"))
    scratch.service("broken", dockerfile=DOCKERFILE.replace("USER", "RUN sleep 2; exit 9\nUSER"))
    scratch.commit()
    began = time.monotonic()
    said = refused(scratch, 8)
    assert time.monotonic() - began < 90, "the slow build was not cancelled"
    assert "broken linux/amd64 build:" in said
    assert "slow linux/amd64 build:" not in said


def test_an_image_from_scratch_for_a_foreign_platform_is_not_published_under_the_wrong_one(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=TINY, settings={"boot": None})
    foreign = {"x86_64": "linux/arm64"}.get(platform.machine(), "linux/amd64")
    scratch.extra["platforms"] = [foreign]
    scratch.commit()
    said = refused(scratch, 8)
    assert f"web {foreign}" in said
    assert "wrong platform" in said
    assert "services/web/Dockerfile" in said
