"""What a plan may be built on: approval, floating tags, the lock, and malicious images, each at its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.config import Flags, InvalidConfig, load, resolve
from pipelines.config.bases import run_as
from pipelines.git import read_facts
from pipelines.images import parse_image
from pipelines.lock import FILE, Lock, Locked
from pipelines.model import Digest, Platform
from pipelines.plan import Plan
from pipelines.planning import make_plan
from tests.unit.conftest import Git

DOCKERFILE = """\
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
RUN --mount=type=bind,from=busybox:1.36,target=/b true

FROM python:3.11-slim
COPY --from=ghcr.io/acme/tool:2.0 /tool /tool
COPY --from=build /x /x
"""
BASES = ("golang:1.26", "busybox:1.36", "python:3.11-slim", "ghcr.io/acme/tool:2.0")
EVIL = "sha256:425cd3e1a2846ac73944e891250377d2b03653e6f028833e30fc00c1abbc6d33"


def digest(name: str) -> Digest:
    return Digest("sha256:" + name.encode().hex().ljust(64, "0")[:64])


def entry(name: str) -> Locked:
    full = str(parse_image(name))
    there = {Platform("linux/amd64"): digest("amd64"), Platform("linux/arm64"): digest("arm64")}
    return Locked(name=full, index=digest(name), platforms=there)


LOCK = Lock(
    project="shop",
    bases={entry(name).name: entry(name) for name in BASES},
    tools={tool: entry(image) for tool, image in run_as({}).items()},
)

Planned = Callable[..., Plan]


@pytest.fixture
def planned(empty_git: Git) -> Planned:
    """The plan of a repository of one service, built on others' images."""

    def make(dockerfile: str = DOCKERFILE, lock: Lock | None = None, env: str = "local", **config: Any) -> Plan:
        document = {
            "version": 1,
            "project": "shop",
            "source": "https://example.com/shop",
            "services": {"web": {}},
            "environments": {
                "local": {"registry": "localhost:5000", "tags": ["dev"]},
                "prod": {"registry": "registry.example.com", "tags": ["dev"]},
            },
            **config,
        }
        empty_git.write("services/web/Dockerfile", dockerfile)
        if lock:
            empty_git.write(FILE, lock.text())
        else:
            (empty_git.root / FILE).unlink(missing_ok=True)
        empty_git.commit("all", **{"sealift.yaml": json.dumps(document, indent=1)})
        loaded = load(empty_git.root, environ={})
        settings = resolve(loaded.config, environ={}, flags=Flags(env=env))
        facts = read_facts(empty_git.root, environ={})
        return make_plan(empty_git.root, loaded, settings, facts, now=datetime(2025, 1, 20, tzinfo=UTC))

    return make


def problems(planned: Planned, *arguments: Any, **config: Any) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        planned(*arguments, **config)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_lock_it_is_said_that_nothing_is_pinned(planned: Planned) -> None:
    plan = planned()
    assert (plan.lock, plan.services[0].pins) == (None, {})
    assert plan.notes == (
        "No lock pins docker.io/library/golang:1.26, docker.io/library/python:3.11-slim,"
        " docker.io/library/busybox:1.36 and 1 more: 'sealift lock' makes one.",
    )
    assert planned("FROM scratch\n").notes == ()


def test_a_lock_pins_every_image_that_is_named(planned: Planned) -> None:
    plan = planned(lock=LOCK)
    assert plan.services[0].pins == {name: digest(name) for name in BASES}
    assert plan.as_json()["lock"] == LOCK.digest
    assert plan.as_json()["services"][0]["pins"] == {name: digest(name) for name in BASES}
    assert plan.notes == ()


def test_what_names_its_digest_needs_no_lock(planned: Planned) -> None:
    pinned = f"python:3@{digest('x')}"
    for lock in (None, LOCK):
        plan = planned(f"FROM {pinned}\n", lock)
        assert plan.services[0].pins == {pinned: digest("x")}
        assert plan.notes == ()


def test_what_the_lock_does_not_have_is_told_at_its_line(planned: Planned) -> None:
    bases = {name: one for name, one in LOCK.bases.items() if "busybox" not in name}
    python = "docker.io/library/python:3.11-slim"
    bases[python] = replace(bases[python], platforms={Platform("linux/amd64"): digest("x")})
    tools = {name: one for name, one in LOCK.tools.items() if name != "syft"}
    tools["trivy"] = entry("ghcr.io/aquasecurity/trivy:0.69.2")
    lock = Lock(project="shop", bases=bases, tools=tools)
    found = problems(planned, lock=lock)
    line = lock.text().split("\n").index("  trivy:") + 1
    assert found == [
        f"{FILE}: tool syft: it is ghcr.io/anchore/syft:v1.52.0; run 'sealift lock'",
        f"{FILE}:{line}: tool trivy: it is ghcr.io/aquasecurity/trivy:0.69.3 now,"
        " not ghcr.io/aquasecurity/trivy:0.69.2; run 'sealift lock'",
        "services/web/Dockerfile:2: docker.io/library/busybox:1.36 is not in sealift.lock; run 'sealift lock'",
        f"services/web/Dockerfile:4: {python} is in sealift.lock (line 11) without linux/arm64; run 'sealift lock'",
    ]


def test_only_approved_images_may_be_built_on(planned: Planned) -> None:
    allow = [
        {"image": "docker.io/library/python:3.11-*", "reason": "ours"},
        {"image": "docker.io/library/golang:*", "reason": "builds"},
    ]
    has = "bases.allow has: docker.io/library/python:3.11-*, docker.io/library/golang:*"
    for lock in (None, LOCK):
        found = problems(planned, lock=lock, bases={"allow": allow})
        assert found == [
            f"services/web/Dockerfile:2: docker.io/library/busybox:1.36 is no approved base; {has}",
            f"services/web/Dockerfile:5: ghcr.io/acme/tool:2.0 is no approved base; {has}",
        ]
    (near,) = problems(planned, "FROM python:3.12-slim\n", bases={"allow": allow})
    assert "docker.io/library/python:3.12-slim is no approved base" in near
    assert problems(planned, f"FROM python@{digest('x')}\n", bases={"allow": allow}), "its tag is not known"
    allow[0]["image"] = "docker.io/library/python@sha256:*"
    assert planned(f"FROM python@{digest('x')}\n", bases={"allow": allow})


def test_what_only_the_build_knows_cannot_be_approved_or_pinned(planned: Planned) -> None:
    text = "ARG BASE\nFROM python:3.11-slim\nFROM ${BASE}\nCOPY --from=$OTHER / /\n"
    why = "the image is named by a variable whose value only the build knows"
    allow = {"allow": [{"image": "docker.io/library/python:*", "reason": "ours"}]}
    told = [f"services/web/Dockerfile:3: {why}", f"services/web/Dockerfile:4: {why}"]
    assert problems(planned, text, bases=allow) == told
    assert problems(planned, text, LOCK) == told


@pytest.mark.parametrize(
    ("text", "config", "why"),
    [
        ("FROM python\n", {}, "docker.io/library/python:latest: the tag floats: 'latest' is whatever is newest"),
        ("FROM a:1\nCOPY --from=nginx:stable / /\n", {}, "docker.io/library/nginx:stable: the tag floats: 'stable' is"),
        ("FROM node:22-slim\n", {"version_numbers": 2}, "node:22-slim: the tag floats: its version has 1 of 2 numbers"),
    ],
)
def test_no_floating_tag_unless_the_lock_pins_it(planned: Planned, text: str, config: dict[str, int], why: str) -> None:
    (found,) = problems(planned, text, bases=config)
    assert found.startswith(f"services/web/Dockerfile:{text.count(chr(10))}: ")
    assert why in found
    assert "or pin it with 'sealift lock'" in found
    names = ("a:1", "python", "nginx:stable", "node:22-slim")
    lock = replace(LOCK, bases={entry(name).name: entry(name) for name in names})
    assert planned(text, lock, bases=config).services[0].pins


def test_a_release_may_have_to_have_a_lock(planned: Planned) -> None:
    required = {"require_lock": True}
    (found,) = problems(planned, env="prod", bases=required)
    assert found.startswith("sealift.yaml:23:19 bases.require_lock: there is no sealift.lock")
    assert planned(bases=required).lock is None, "a rehearsal may do without"
    assert planned(env="prod", lock=LOCK, bases=required).lock == LOCK


@pytest.mark.parametrize(
    "text",
    [
        "FROM aquasec/trivy:0.69.5\n",
        f"FROM x:1@{EVIL}\n",
        "FROM a:1\nCOPY --from=ghcr.io/aquasecurity/trivy:v0.69.4 / /\n",
    ],
)
def test_nothing_is_built_on_a_malicious_trivy(planned: Planned, text: str) -> None:
    lock = replace(LOCK, bases={entry("a:1").name: entry("a:1")})
    for found in (problems(planned, text), problems(planned, text, lock)):
        (malicious,) = (line for line in found if "GHSA-69fq-xp46-6x23" in line)
        assert malicious.startswith(f"services/web/Dockerfile:{text.count(chr(10))}: ")


def test_a_tool_is_run_by_its_configured_name_and_no_malicious_one(planned: Planned) -> None:
    mirror = "registry.example.com/mirror/trivy:0.69.3"
    lock = replace(LOCK, tools={**LOCK.tools, "trivy": entry(mirror)})
    assert planned(lock=lock, tools={"trivy": mirror}).lock == lock
    (found,) = (line for line in problems(planned, lock=LOCK, tools={"trivy": mirror}))
    assert f"tool trivy: it is {mirror} now, not ghcr.io/aquasecurity/trivy:0.69.3" in found
    for tools, why in {
        ("trivy", "registry.example.com/scanner:0.69.4"): "Trivy 0.69.4 is malicious",
        ("syft", f"registry.example.com/syft@{EVIL}"): "is a malicious image",
        ("syft", "registry.example.com/syft"): "the tag floats: 'latest'",
        ("syft", "registry.example.com/Syft:1"): "is not a repository path",
        ("sift", "registry.example.com/syft:1"): "the key must be",
    }.items():
        (found,) = problems(planned, tools=dict([tools]))
        assert found.startswith("sealift.yaml:")
        assert f"tools.{tools[0]}" in found
        assert why in found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("python:3.11-*", "'python:3.11-*' matches nothing: names in full begin with their registry; did you mean"
                          " 'docker.io/library/python:3.11-*'?"),
        ("*", "'*' matches nothing"),
        ("*.io/*", "'*.io/*' is too broad: name the registry"),
        ("", "must not be empty"),
    ],
)  # fmt: skip
def test_patterns_that_cannot_be_meant(planned: Planned, pattern: str, why: str) -> None:
    (found,) = problems(planned, bases={"allow": [{"image": pattern, "reason": "x"}]})
    assert "bases.allow[0].image: " in found
    assert why in found


def test_every_approval_has_its_reason(planned: Planned) -> None:
    (found,) = problems(planned, bases={"allow": [{"image": "docker.io/library/python:*"}]})
    assert "bases.allow[0].reason: required key is missing: Why they may be built on" in found
