"""The policy engines' own command-line tools, which decide as their admission webhooks do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ci.local.machine import make_setup
from ci.local.toolchain import KYVERNO, POLICY_CONTROLLER, Tool, tool_folder


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a policy engine would take the pod, and what it said."""

    takes: bool
    said: str


def kyverno(policies: Path, *images: str, init: Sequence[str] = ()) -> Verdict:
    """What Kyverno says of a pod with these images."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": "shop"},
        "spec": {
            "containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)],
            "initContainers": [{"name": f"i{number}", "image": image} for number, image in enumerate(init)],
        },
    }
    resource = policies.with_name("pod.yaml")
    resource.write_text(yaml.safe_dump(pod))
    done = _run(
        KYVERNO, "kubectl-kyverno", "apply", policies, "--resource", resource, "--registry", "--detailed-results"
    )
    # A policy that it cannot read is left out, and one for debug containers is not about pods.
    return Verdict(takes=done.returncode == 0 and "pass: 1," in done.stdout, said=done.stdout + done.stderr)


def policy_controller(policies: Path, image: str) -> Verdict:
    """What policy-controller says of an image, in a cluster whose 'no-match-policy' is 'deny'.

    Its tool takes trust roots from another file than policies.
    """
    kinds = {"TrustRoot": policies.with_name("root.yaml"), "ClusterImagePolicy": policies.with_name("policies.yaml")}
    objects = list(yaml.safe_load_all(policies.read_text()))
    for kind, file in kinds.items():
        file.write_text(yaml.safe_dump_all([item for item in objects if item["kind"] == kind]))
    root = ["--trustroot", kinds["TrustRoot"]] if objects[0]["kind"] == "TrustRoot" else []
    done = _run(POLICY_CONTROLLER, "tester", "--policy", kinds["ClusterImagePolicy"], *root, "--image", image)
    return Verdict(takes=done.returncode == 0, said=done.stdout + done.stderr)


def _run(tool: Tool, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    binary = tool_folder(make_setup(os.environ, print), tool) / program
    # Nothing of the caller's: no cluster, no registry's login.
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        [binary, *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
