"""What variables and flags may not say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.config import Config, Flags, InvalidConfig, Settings, resolve


def problems(act: Callable[[], Settings]) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        act()
    return [str(problem) for problem in caught.value.problems]


def test_every_illegal_value_is_named_at_once(config: Config) -> None:
    environ = {
        "SEALIFT_ENV": "prd",
        "SEALIFT_JOBS": "0",
        "SEALIFT_SERVICES": "wbe,api,nope",
        "SEALIFT_PLATFORMS": "linux/amd46",
        "DOCKER_REGISTRY": "https://ghcr.io",
        "DOCKER_USERNAME": "a:b",
        "DOCKER_PASSWORD": "env://DOCKER_PASSWORD",
        "VERSION": "1.2",
        "GIT_SHA": "main",
        "IMAGE_PULL_POLICY": "always",
    }
    services = "services: web, api, base, old, arm"
    assert problems(lambda: resolve(config, environ=environ)) == [
        "SEALIFT_ENV: no such environment: 'prd'; did you mean 'prod'? environments: local, prod, lan",
        "DOCKER_REGISTRY: 'https://ghcr.io' has a scheme; write host or host:port (plain HTTP is 'insecure: true')",
        f"SEALIFT_SERVICES: no such service: 'wbe'; did you mean 'web'? {services}",
        f"SEALIFT_SERVICES: no such service: 'nope'; {services}",
        "SEALIFT_PLATFORMS: no such platform: 'linux/amd46'; did you mean 'linux/amd64'?"
        " platforms: linux/amd64, linux/arm64, linux/arm/v7",
        "VERSION: '1.2' is not a semantic version; expected for example v1.2.3 or v1.2.3-rc.1",
        "GIT_SHA: 'main' is not a git commit; expected 7 to 40 hexadecimal digits",
        "DOCKER_USERNAME: a user name has no ':' and no control characters",
        "DOCKER_PASSWORD: names itself; put the secret there, or another address such as file://PATH",
        "IMAGE_PULL_POLICY: no such pull policy: 'always'; did you mean 'Always'?"
        " pull policies: Always, IfNotPresent, Never",
        "SEALIFT_JOBS: expected a whole number from 1 to 64, found '0'",
    ]


def test_flags_are_named_as_users_write_them(config: Config) -> None:
    flags = Flags(env="x", services=("x",), platforms=("x",), registry="x/y", tags=("-x", "y"), jobs=65)
    found = problems(lambda: resolve(config, environ={}, flags=flags))
    assert [line.split(": ")[0] for line in found] == [
        "--env", "--registry", "--service", "--tag", "--platform", "--jobs"
    ]  # fmt: skip
    assert "'-x' is not an image tag" in found[3]


def test_no_service_is_left_without_a_platform(config: Config) -> None:
    flags = Flags(services=("old", "base"), platforms=("linux/arm64",))
    assert problems(lambda: resolve(config, environ={}, flags=flags)) == [
        "--platform: leaves nothing of old, which is built for linux/amd64; add one of those"
    ]


def test_an_empty_flag_does_not_come_to_mean_everything(config: Config) -> None:
    flags = Flags(env="", services=("",), platforms=("linux/amd64", ""), registry="", tags=("", "v1"), version="")
    assert problems(lambda: resolve(config, environ={"SEALIFT_SERVICES": " , "}, flags=flags)) == [
        f"{flag}: is empty; leave it out, or give it a value"
        for flag in ("--env", "--registry", "--service", "--tag", "--platform", "--version")
    ]
    assert problems(lambda: resolve(config, environ={"SEALIFT_SERVICES": " , "})) == [
        "SEALIFT_SERVICES: is empty; leave it out, or give it a value"
    ]


@pytest.mark.parametrize("tag", ["a,b", "a b", "a\nb", "$(id)", "-x", "x" * 129])
def test_a_tag_is_taken_as_it_is_or_not_at_all(config: Config, tag: str) -> None:
    (problem,) = problems(lambda: resolve(config, environ={}, flags=Flags(tags=("ok", tag))))
    assert "is not an image tag" in problem
    assert "\n" not in problem
    assert len(problem) < 200


def test_a_version_that_no_tag_can_hold(config: Config) -> None:
    (problem,) = problems(lambda: resolve(config, environ={"VERSION": f"1.0.{'9' * 200}"}))
    assert problem.startswith(f"VERSION: 'v1.0.{'9' * 55}…' (205 characters) is not an image tag; expected 1 to 128")
