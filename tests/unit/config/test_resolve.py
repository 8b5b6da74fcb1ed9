"""Precedence and selection."""

from __future__ import annotations

import dataclasses

import pytest

from pipelines.config import Config, Flags, Origin, Settings, resolve
from pipelines.config.schema import Environment, TagRule
from pipelines.config.variables import VARIABLES
from pipelines.model import Target


def test_defaults_and_file(config: Config) -> None:
    settings = resolve(config, environ={})
    assert (settings.environment, settings.origins["environment"]) == ("local", Origin.DEFAULT)
    assert (settings.registry, settings.origins["registry"]) == ("localhost:5000", Origin.FILE)
    assert (settings.prefix, settings.origins["prefix"]) == ("shop/", Origin.FILE)
    assert (settings.tags, settings.origins["tags"]) == ((TagRule.DEV,), Origin.FILE)
    assert (settings.tag_prefix, settings.origins["tag_prefix"]) == ("", Origin.DEFAULT)
    assert (settings.jobs, settings.origins["jobs"]) == (4, Origin.DEFAULT)
    assert (settings.image_pull_policy, settings.origins["image_pull_policy"]) == ("IfNotPresent", Origin.DEFAULT)
    assert (settings.policy.severity, settings.origins["policy"]) == ("LOW", Origin.FILE)
    assert (settings.signing.method, settings.origins["signing"]) == (None, Origin.DEFAULT)
    assert (settings.version, settings.git_sha, settings.username, settings.password) == (None,) * 4
    assert settings.platforms == ("linux/amd64", "linux/arm64", "linux/arm/v7")
    assert settings.origins["platforms"] == Origin.DEFAULT
    assert settings.explicit_tags == ()
    assert str(settings.targets[0].repository("web")) == "localhost:5000/shop/web"


def test_every_setting_has_an_origin(config: Config) -> None:
    settings = resolve(config, environ={})
    # Whether it is a part of a release is what the command is, and nobody's setting.
    fields = {field.name for field in dataclasses.fields(Settings)} - {"origins", "part"}
    assert set(settings.origins) == fields


def test_the_environment_wins_over_the_file(config: Config) -> None:
    environ = {
        "SEALIFT_ENV": "prod",
        "SEALIFT_JOBS": "8",
        "SEALIFT_SERVICES": "old, base",
        "SEALIFT_PLATFORMS": "linux/amd64",
        "SEALIFT_SINCE": "main",
        "DOCKER_REGISTRY": "quay.io",
        "DOCKER_USERNAME": "robot$ci",
        "DOCKER_PASSWORD": "a-plain-one",
        "VERSION": "v1.2.3",
        "GIT_SHA": "0123ABC",
        "IMAGE_PULL_POLICY": "Always",
    }
    assert set(environ) == set(VARIABLES)
    settings = resolve(config, environ=environ)
    assert settings.environment == "prod"
    assert settings.jobs == 8
    assert settings.services == ("base", "old")
    assert settings.platforms == ("linux/amd64",)
    assert str(settings.targets[0].repository("base")) == "quay.io/shop/prod/base"
    assert (settings.username, settings.password) == ("robot$ci", "env://DOCKER_PASSWORD")
    assert (settings.version, settings.git_sha) == ("v1.2.3", "0123abc")
    assert settings.image_pull_policy == "Always"
    assert settings.tag_prefix == "prod-"
    from_environment = {name for name, origin in settings.origins.items() if origin == Origin.ENVIRONMENT}
    assert from_environment == {
        "environment", "jobs", "services", "platforms", "registry", "username", "password", "version", "git_sha",
        "image_pull_policy", "since",
    }  # fmt: skip


def test_flags_win_over_the_environment(config: Config) -> None:
    flags = Flags(
        env="lan",
        services=("api",),
        platforms=("linux/arm64",),
        registry="[::1]:5000",
        tags=("try-1", "try-2"),
        jobs=2,
        version="2.0.0-rc.1",
        git_sha="f" * 40,
        image_pull_policy="Never",
    )
    environ = {"SEALIFT_ENV": "prod", "SEALIFT_JOBS": "x", "DOCKER_REGISTRY": "quay.io", "VERSION": "nonsense"}
    settings = resolve(config, environ=environ, flags=flags)
    assert settings.environment == "lan"
    assert (settings.registry, settings.insecure) == ("[::1]:5000", True)
    assert settings.services == ("base", "api")
    assert settings.platforms == ("linux/arm64",)
    assert settings.explicit_tags == ("try-1", "try-2")
    assert (settings.jobs, settings.version, settings.git_sha) == (2, "v2.0.0-rc.1", "f" * 40)
    assert settings.image_pull_policy == "Never"
    assert {name for name, origin in settings.origins.items() if origin == Origin.FLAG} == {
        "environment", "registry", "services", "platforms", "explicit_tags", "jobs", "version", "git_sha",
        "image_pull_policy",
    }  # fmt: skip


def test_empty_counts_as_not_given(config: Config) -> None:
    environ = dict.fromkeys(VARIABLES, "")
    assert resolve(config, environ=environ, flags=Flags(tags=())) == resolve(config, environ={})


def test_an_environment_overrides_key_by_key(config: Config) -> None:
    policy = resolve(config, environ={"SEALIFT_ENV": "prod"}).policy
    assert (policy.only_fixed, policy.severity, policy.max_layers) == (True, "LOW", 10)


def test_what_a_service_needs_comes_before_it(config: Config) -> None:
    assert resolve(config, environ={}, flags=Flags(services=("web",))).services == ("base", "api", "web")
    everything = resolve(config, environ={}).services
    assert sorted(everything) == ["api", "arm", "base", "old", "web"]
    assert everything.index("base") < everything.index("api") < everything.index("web")


@pytest.mark.parametrize(
    ("environ", "insecure"),
    [
        ({}, True),
        ({"DOCKER_REGISTRY": "127.1.2.3:5000"}, True),
        ({"DOCKER_REGISTRY": "LOCALHOST"}, True),
        ({"DOCKER_REGISTRY": "[::1]"}, True),
        ({"DOCKER_REGISTRY": "localhost.example.com"}, False),
        ({"DOCKER_REGISTRY": "128.0.0.1"}, False),
        ({"SEALIFT_ENV": "prod"}, False),
        ({"SEALIFT_ENV": "lan"}, True),
        # The permission in the file was for registry.lan.
        ({"SEALIFT_ENV": "lan", "DOCKER_REGISTRY": "registry.example.com"}, False),
    ],
)
def test_plain_http(config: Config, environ: dict[str, str], insecure: bool) -> None:
    assert resolve(config, environ=environ).insecure is insecure


def test_a_sample_database_stays_on_this_machine(config: Config) -> None:
    assert resolve(config, environ={}).database.allow_sample
    assert not resolve(config, environ={"DOCKER_REGISTRY": "ghcr.io"}).database.allow_sample


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("hunter2", "env://DOCKER_PASSWORD"),
        ("https://not-an-address", "env://DOCKER_PASSWORD"),
        ("env://TOKEN", "env://TOKEN"),
        ("file://~/.config/registry.password", "file://~/.config/registry.password"),
        ("cmd://pass show registry", "cmd://pass show registry"),
        ("op://vault/item/field", "op://vault/item/field"),
        ("vault://secret/registry.token", "vault://secret/registry.token"),
    ],
)
def test_a_password_is_an_address(config: Config, value: str, address: str) -> None:
    settings = resolve(config, environ={"DOCKER_PASSWORD": value})
    assert settings.password == address
    if value != address:
        assert value not in repr(settings)


ALSO = {
    "registry": "ghcr.io",
    "prefix": "shop/",
    "insecure": True,
    "also": [
        {"registry": "quay.io"},
        {"registry": "localhost:5001", "prefix": ""},
        {"registry": "r.lan", "insecure": True},
    ],
    "when_tags_fail": "stop",
}


def test_a_release_goes_to_every_registry_of_its_environment(config: Config) -> None:
    several = config.model_copy(update={"environments": {"prod": Environment.model_validate(ALSO)}})
    settings = resolve(several, environ={}, flags=Flags(env="prod"))
    assert settings.targets == (
        Target(registry="ghcr.io", prefix="shop/", insecure=True),
        Target(registry="quay.io", prefix="shop/"),
        Target(registry="localhost:5001", prefix="", insecure=True),
        Target(registry="r.lan", prefix="shop/", insecure=True),
    )
    assert settings.when_tags_fail == "stop"


def test_who_names_a_registry_names_the_only_one(config: Config) -> None:
    several = config.model_copy(update={"environments": {"prod": Environment.model_validate(ALSO)}})
    settings = resolve(several, environ={"DOCKER_REGISTRY": "localhost:5000"}, flags=Flags(env="prod"))
    assert settings.targets == (Target(registry="localhost:5000", prefix="shop/", insecure=True),)
