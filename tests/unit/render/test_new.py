"""New manifests: golden, and valid against the schemas that Kubernetes publishes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, all_versions, latest_version, validate

from pipelines.config.schema import Boot
from pipelines.errors import ConfigError
from pipelines.record import Record, read
from pipelines.render.compose import compose_file
from pipelines.render.kubernetes import manifests
from pipelines.render.text import dump, scalar
from pipelines.render.workloads import chosen_target, deployable
from tests.unit.render.conftest import make_record

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

# The oldest that the package has, and the newest.
VERSIONS = (all_versions()[0], latest_version())


def rendered(record: Record, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """Service → its objects."""
    release = deployable(record, chosen_target(record, None))
    made = manifests(release, **{"pull_policy": "IfNotPresent", **options})
    return {name: list(yaml.safe_load_all(text)) for name, text in made.items()}


def test_kubernetes_golden(record: Record, golden: Callable[[str, str], None]) -> None:
    release = deployable(record, chosen_target(record, None))
    made = manifests(release, pull_policy="IfNotPresent", namespace="shop", replicas=2)
    assert release.notes == ()
    golden("kubernetes.yaml", "---\n".join(made.values()))


def test_compose_golden(record: Record, golden: Callable[[str, str], None]) -> None:
    release = deployable(record, chosen_target(record, None))
    golden("compose.yaml", compose_file(release, pull_policy="IfNotPresent"))
    golden("compose-swarm.yaml", compose_file(release, pull_policy=None, replicas=2))


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_own_schemas_take_it_and_would_not_take_less(record: Record, version: str) -> None:
    objects = [item for items in rendered(record, namespace="shop").values() for item in items]
    assert [item["kind"] for item in objects] == ["Deployment", "Service"] * 2
    for item in objects:
        validate(item, version, strict=True)
    for path, value in (
        (("spec", "template", "spec", "containers", 0, "imagePullPolicyy"), "Always"),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "http"),
        (("spec", "replicas"), "two"),
    ):
        broken = copy.deepcopy(objects[0])
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(ValidationError):
            validate(broken, version, strict=True)


def test_the_same_release_gives_the_same_bytes(samples: Samples, record: Record) -> None:
    again = make_record(samples)
    first, second = (deployable(item, chosen_target(item, None)) for item in (record, again))
    assert list(manifests(first, pull_policy="Never").values()) == list(manifests(second, pull_policy="Never").values())
    assert compose_file(first, pull_policy="Never") == compose_file(second, pull_policy="Never")


def test_what_changes_with_every_release_is_not_in_the_pods_template(samples: Samples, record: Record) -> None:
    document = (
        record.model_dump_json().replace("v1.2.3", "v1.2.4").replace(record.id, "another").replace("c" * 40, "d" * 40)
    )
    before, after = (rendered(item)["aidb"][0] for item in (record, read(document, "x")))
    assert before["metadata"] != after["metadata"]
    assert before["spec"] == after["spec"]
    first, second = (
        yaml.safe_load(compose_file(deployable(item, chosen_target(item, None)), pull_policy="Never"))
        for item in (record, read(document, "x"))
    )
    assert first["x-sealift"] != second["x-sealift"]
    assert first["services"] == second["services"]


def test_the_health_check_is_the_one_that_was_passed(samples: Samples) -> None:
    boot = Boot(port=3000, path="/ready?full=1", timeout=61, env={"A": "b"})
    container = rendered(make_record(samples, boot=boot))["aidb"][0]["spec"]["template"]["spec"]["containers"][0]
    check = {"httpGet": {"path": "/ready?full=1", "port": "http"}}
    assert container["ports"] == [{"name": "http", "containerPort": 3000}]
    assert container["readinessProbe"] == container["livenessProbe"] == check
    assert container["startupProbe"] == {**check, "periodSeconds": 2, "failureThreshold": 31}
    assert "env" not in container


@pytest.mark.parametrize(
    ("user", "pod", "compose", "said"),
    [
        ("1001:1002", {"runAsNonRoot": True, "runAsUser": 1001, "runAsGroup": 1002}, "1001:1002", ""),
        ("1001", {"runAsNonRoot": True, "runAsUser": 1001}, "1001", ""),
        ("1000:50", {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 50}, "1000:50", ""),
        ("app", {}, None, "runs as a user that its image gives by name"),
        ("1001:app", {}, None, "runs as a user that its image gives by name"),
        ("0", {}, None, "runs as root"),
        ("", {}, None, "runs as root"),
    ],
)
def test_the_user_is_the_images(
    samples: Samples, user: str, pod: dict[str, Any], compose: str | None, said: str
) -> None:
    record = make_record(samples, user=user)
    context = rendered(record)["aidb"][0]["spec"]["template"]["spec"]["securityContext"]
    assert context == {**pod, "seccompProfile": {"type": "RuntimeDefault"}}
    release = deployable(record, chosen_target(record, None))
    text = compose_file(release, pull_policy="Never")
    assert yaml.safe_load(text)["services"]["aidb"].get("user") == compose
    assert len(release.notes) == (2 if said else 0)
    assert all(said in note for note in release.notes)


def test_what_is_no_server_is_rendered_only_when_named(samples: Samples) -> None:
    record = make_record(samples, boot=None)
    target = chosen_target(record, None)
    with pytest.raises(ConfigError, match="is a server"):
        deployable(record, target)
    release = deployable(record, target, ["docs"])
    (text,) = manifests(release, pull_policy="Always").values()
    (deployment,) = yaml.safe_load_all(text)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert not {"ports", "readinessProbe", "livenessProbe", "startupProbe"} & set(container)
    assert "expose" not in yaml.safe_load(compose_file(release, pull_policy="Always"))["services"]["docs"]


def test_a_record_without_health_checks_is_told(record: Record) -> None:
    document = record.model_dump(mode="json")
    for service in document["plan"]["services"]:
        del service["boot"]
    old = Record.model_validate(document)
    with pytest.raises(ConfigError, match="does not say on which port aidb answers"):
        deployable(old, chosen_target(old, None))


@pytest.mark.parametrize(
    ("registry", "found"),
    [(None, "ghcr.io/sealift"), ("quay.io:8443", "quay.io:8443/mirror"), ("ghcr.io/sealift", "ghcr.io/sealift")],
)
def test_a_registry_of_the_release(record: Record, registry: str | None, found: str) -> None:
    release = deployable(record, chosen_target(record, registry))
    assert all(item.image.startswith(f"{found}/{item.service}@sha256:") for item in release.workloads)


def test_only_what_was_published_there_is_rendered(samples: Samples, record: Record) -> None:
    with pytest.raises(ConfigError, match=r"was not published to 'docker\.io'"):
        chosen_target(record, "docker.io")
    moving = read(samples.published().at("moving").text(), "x")
    with pytest.raises(ConfigError, match="in the state 'moving'"):
        chosen_target(moving, None)
    unfit = record.model_copy(update={"fit_for_release": False})
    with pytest.raises(ConfigError, match="is a rehearsal"):
        chosen_target(unfit, None)
    with pytest.raises(ConfigError, match=r"no image of 'dcos'; did you mean 'docs'\?"):
        deployable(record, chosen_target(record, None), ["dcos"])


def test_names_that_kubernetes_does_not_take(samples: Samples) -> None:
    published = make_record(samples).model_dump_json()

    def names(first: str, second: str) -> list[str]:
        record = read(published.replace('"aidb"', f'"{first}"').replace('"docs"', f'"{second}"'), "x")
        return [objects[0]["metadata"]["name"] for objects in rendered(record).values()]

    assert names("a.b_c", "y") == ["a-b-c", "y"]
    for first, second, wrong in (("a.b", "a_b", r"a\.b, a_b"), ("3d", "docs", "3d")):
        with pytest.raises(ConfigError, match=f"no name of their own for {wrong} in Kubernetes"):
            names(first, second)
    record = make_record(samples)
    with pytest.raises(ConfigError, match="'Shop' is not a namespace"):
        rendered(record, namespace="Shop")


@pytest.mark.parametrize(
    "text", ["y", "no", "1e3", "0123", "1000:50", "null", "~", "a: b", "#x", "x #y", "[::1]:5000/a", "''"]
)
def test_no_reader_takes_a_text_for_something_else(text: str) -> None:
    for style in (None, "'", '"'):
        assert yaml.safe_load(f"{{k: {scalar(text, style)}, l: m}}") == {"k": text, "l": "m"}
    assert yaml.safe_load(dump({"k": text})) == {"k": text}
    if text in ("y", "no"):
        assert scalar(text, None) == f"'{text}'"
