"""Manifests of a real release: valid by the tools of those who read them, and what they name can be pulled."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import pytest
import yaml
from kubernetes_validate.utils import latest_version

from ci.local.machine import make_setup
from ci.local.toolchain import COMPOSE, KUBECONFORM, Tool, tool_folder
from pipelines.model import RECORDS
from tests.faults.small import Small
from tests.integration.policy_engines import kyverno
from tests.scratch import REGISTRY, ROOT, Registry

# The digest of the release before, and what people write around it.
OLD = "sha256:" + "0" * 64
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: mine}}   # kept
spec:
  initContainers:
  - {{name: wait, image: "busybox:1.37"}}
  containers:
  - image: {REGISTRY}/PREFIXweb@{OLD}
    name: web
"""


@pytest.fixture(scope="module")
def released(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A service that answers, released as v1.0.0."""
    folder = tmp_path_factory.mktemp("render")
    env = {**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(folder / "keys")}
    made = Small(
        root=folder / "repository", env=env, registry=Registry(prefix=f"{folder.name}-{os.getpid()}/", env=engine)
    )
    made.root.mkdir()
    (made.root / ".gitignore").write_text("dist/\n")
    made.service("web")
    made.commit()
    done = made.sealift("build-all", "--no-scan", "--version", "v1.0.0", "--tag", "v1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made.delete("web", RECORDS)


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kubernetes' own schemas, strict, for kubeconform: which does not know where their `$id` points to."""
    made = tmp_path_factory.mktemp("schemas")
    package = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{latest_version()}-local-strict"
    for name in ("_definitions", "deployment-apps-v1", "service-v1", "pod-v1"):
        text = (package / f"{name}.json").read_text(encoding="utf-8")
        schema = json.loads(text.replace('"/api/_definitions.json#', '"_definitions.json#'))
        del schema["$id"]
        (made / f"{name}.json").write_text(json.dumps(schema))
    return made


def tool(tool: Tool, program: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    binary = tool_folder(make_setup(os.environ, print), tool) / program
    return subprocess.run([binary, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def kubeconform(schemas: Path, text: str) -> subprocess.CompletedProcess[str]:
    where = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    return tool(KUBECONFORM, "kubeconform", "-strict", "-summary", "-schema-location", where, stdin=text)


def test_kubernetes_manifests_are_valid_and_name_what_can_be_pulled(released: Small, schemas: Path) -> None:
    index = released.registry.digest("web", "v1.0.0")
    done = released.sealift("render", "kubernetes", "--namespace", "shop")
    assert done.returncode == 0, done.stderr
    valid = kubeconform(schemas, done.stdout)
    assert valid.returncode == 0, valid.stdout
    assert "2 resources found" in valid.stdout
    broken = kubeconform(schemas, done.stdout.replace("imagePullPolicy:", "imagePullPolicies:"))
    assert broken.returncode == 1
    assert "additional properties 'imagePullPolicies' not allowed" in broken.stdout

    deployment, service = yaml.safe_load_all(done.stdout)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{REGISTRY}/{released.registry.prefix}web@{index}"
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 1001
    assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    pulled = released.root / "dist/pulled.tar"
    copied = released.registry.regctl("image", "export", "--platform", "linux/amd64", container["image"], str(pulled))
    assert copied.returncode == 0, copied.stderr
    assert pulled.stat().st_size > 1_000_000

    registrys = released.sealift("render", "kubernetes", "--namespace", "shop", "--run", "v1.0.0")
    assert (registrys.returncode, registrys.stdout) == (0, done.stdout), registrys.stderr


def test_a_compose_file_is_what_compose_reads(released: Small) -> None:
    file = released.root / "dist/docker-compose.prod.yml"
    done = released.sealift("render", "compose", "--out", str(file))
    assert done.returncode == 0, done.stderr
    loaded = tool(COMPOSE, "cmd", "-format", "json", str(file))
    assert loaded.returncode == 0, loaded.stderr
    web = json.loads(loaded.stdout)["services"]["web"]
    assert web["image"] == f"{REGISTRY}/{released.registry.prefix}web@{released.registry.digest('web', 'v1.0.0')}"
    assert (web["pull_policy"], web["user"], web["read_only"]) == ("missing", "1001:1001", True)
    assert web["deploy"]["update_config"] == {"order": "start-first", "failure_action": "rollback"}
    file.write_text(file.read_text().replace("pull_policy:", "pull_policies:"))
    broken = tool(COMPOSE, "cmd", str(file))
    assert broken.returncode == 1
    assert "pull_policies" in broken.stderr


def test_a_manifest_of_ones_own_gets_the_digest_and_stays_valid(released: Small, schemas: Path) -> None:
    pod = released.root / "dist/pod.yaml"
    pod.write_text(POD.replace("PREFIX", released.registry.prefix))
    assert released.sealift("render", "kubernetes", "--update", str(pod), "--check").returncode == 1
    done = released.sealift("render", "kubernetes", "--update", str(pod))
    assert done.returncode == 0, done.stderr
    index = released.registry.digest("web", "v1.0.0")
    assert pod.read_text() == POD.replace("PREFIX", released.registry.prefix).replace(OLD, str(index))
    assert released.sealift("render", "kubernetes", "--update", str(pod), "--check").returncode == 0
    assert kubeconform(schemas, pod.read_text()).returncode == 0
    record = json.loads((released.root / "dist/release.json").read_text())
    (released.root / "dist/moving.json").write_text(json.dumps({**record, "state": "moving"}))
    refused = released.sealift("render", "kubernetes", "dist/moving.json")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "in the state 'moving'" in refused.stderr


def test_a_cluster_with_the_policies_takes_the_release(released: Small) -> None:
    done = released.sealift("render", "admission", "--out", "dist/policies")
    assert done.returncode == 0, done.stderr
    policies = released.root / "dist/policies/kyverno.yaml"
    web = f"{REGISTRY}/{released.registry.prefix}web@"
    verdict = kyverno(policies, f"{web}{released.registry.digest('web', 'v1.0.0')}")
    assert verdict.takes, verdict.said
    (platform,) = released.registry.index("web", "v1.0.0").values()
    # Provenance is the index's.
    assert "provenance/v1 is attested" in kyverno(policies, f"{web}{platform}").said
    policies.write_text(released.sealift("render", "admission", "--no-provenance").stdout)
    assert kyverno(policies, f"{web}{platform}").takes
