"""The settings in deploy/engine, read by the programs that they are for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, latest_version, validate

from ci.local.machine import make_setup
from ci.local.toolchain import DAGGER, HELM, LOCKS, tool_folder
from tests.scratch import ROOT, run

KUBERNETES = ROOT / "deploy/engine/kubernetes"
HOST = ROOT / "deploy/engine/host"
MODULE = "github.com/dagger/dagger"


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """What Helm makes of our values and the chart of the engine's version, which is in Dagger's Go module."""
    env = {"GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    done = run(["go", "mod", "download", "-json", MODULE], cwd=LOCKS / DAGGER.name, env=env)
    assert done.returncode == 0, done.stderr
    chart = Path(json.loads(done.stdout)["Dir"]) / "helm/dagger"
    helm = tool_folder(make_setup(os.environ, print), HELM) / "helm"
    made = run(
        [str(helm), "template", "dagger", str(chart), "--namespace=dagger", f"--values={KUBERNETES / 'values.yaml'}"]
    )
    assert made.returncode == 0, made.stderr
    return [item for item in yaml.safe_load_all(made.stdout) if item]


def test_the_chart_takes_the_values(rendered: list[dict[str, Any]]) -> None:
    for item in rendered:
        validate(item, latest_version(), strict=True)
    kinds = {item["kind"]: item for item in rendered}
    # No Service, and no address: nothing listens on the network.
    assert set(kinds) == {"ConfigMap", "StatefulSet"}
    stateful = kinds["StatefulSet"]
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.dagger.io/engine:v{DAGGER.version}"
    assert not {"ports", "args"} & set(container)
    assert {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]} == {
        "data": "/var/lib/dagger",
        "config": "/etc/dagger/engine.json",
    }
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert not any("hostPath" in volume for volume in stateful["spec"]["template"]["spec"]["volumes"])
    config = json.loads(kinds["ConfigMap"]["data"]["engine.json"])
    assert config["security"] == {"insecureRootCapabilities": False}


def test_clients_may_reach_that_pod_and_no_other(rendered: list[dict[str, Any]]) -> None:
    objects = list(yaml.safe_load_all((KUBERNETES / "client.yaml").read_text()))
    for item in objects:
        validate(item, latest_version(), strict=True)
    with pytest.raises(ValidationError):
        validate({**objects[1], "rule": []}, latest_version(), strict=True)
    (stateful,) = (item for item in rendered if item["kind"] == "StatefulSet")
    rules = objects[1]["rules"]
    assert {name for rule in rules for name in rule["resourceNames"]} == {f"{stateful['metadata']['name']}-0"}
    assert {item["metadata"]["namespace"] for item in objects} == {"dagger"}


def test_the_units_are_what_systemd_reads(tmp_path: Path) -> None:
    assert shutil.which("systemd-analyze")
    for unit in HOST.glob("*.service"):
        # The programs need not be installed here; that they are named by absolute paths is checked all the same.
        text = unit.read_text()
        for program in ("/usr/bin/podman", "/usr/bin/stunnel"):
            text = text.replace(program, "/bin/true")
        (tmp_path / unit.name).write_text(text)
    units = sorted(map(str, tmp_path.glob("*.service")))
    assert len(units) == 2
    env: Mapping[str, str] = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = run(["systemd-analyze", "verify", "--man=no", *units], env=env)
    assert (done.returncode, done.stderr) == (0, "")
    broken = tmp_path / "sealift-engine.service"
    broken.write_text(broken.read_text().replace("Restart=on-failure", "Restart=sometimes"))
    assert "sometimes" in run(["systemd-analyze", "verify", "--man=no", str(broken)], env=env).stderr
