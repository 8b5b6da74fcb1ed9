"""New Kubernetes manifests: a Deployment for each service, and a Service for each that answers on a port.

Restricted as the Pod Security Standards have it (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
What differs from release to release stands outside of the pod's template, but for the image: an image that stays the
same is not started again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import ConfigError, shown
from pipelines.record import Boot
from pipelines.render.text import comment, dump
from pipelines.render.workloads import Deployable, Workload

NAME = "app.kubernetes.io/name"
VERSION = "app.kubernetes.io/version"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
RELEASE = "dev.sealift.release"
COMMIT = "dev.sealift.commit"

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1035, which names of Services must be
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123
_PERIOD = 2
"""Seconds between two questions to a container that is starting."""


def manifests(
    release: Deployable, *, pull_policy: str, replicas: int = 1, namespace: str | None = None
) -> Mapping[str, str]:
    """Service → its manifest.

    :raises ConfigError: names that Kubernetes does not take.
    """
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise ConfigError(
            f"{shown(namespace)} is not a namespace; expected lower-case letters, digits and '-', at most 63",
            remedy="give --namespace the name that the namespace has in the cluster",
            step="render",
        )
    names = _names([item.service for item in release.workloads])
    head = comment(
        "Made by 'sealift render kubernetes'. This file is yours: change what you like;",
        "'sealift render kubernetes --update' sets the images of later releases in it.",
    )
    made = {}
    for item in release.workloads:
        name = names[item.service]
        objects = [_deployment(release, item, name, pull_policy=pull_policy, replicas=replicas)]
        if item.boot:
            objects.append(_service(release, item, name, item.boot))
        for one in objects:
            if namespace is not None:
                one["metadata"] = {"name": name, "namespace": namespace, **one["metadata"]}
        made[item.service] = head + "---\n".join(dump(one) for one in objects)
    return made


def label_value(text: str | None) -> str | None:
    """The text, if it can be the value of a label."""
    return text if text and _LABEL.fullmatch(text) else None


def _names(services: Sequence[str]) -> Mapping[str, str]:
    """Service → name of its objects: Kubernetes has no `.` and no `_` there."""
    names = {service: re.sub(r"[._]", "-", service) for service in services}
    wrong = [service for service, name in names.items() if not _DNS_LABEL.fullmatch(name)]
    wrong += [service for service, name in names.items() if list(names.values()).count(name) > 1]
    if wrong:
        raise ConfigError(
            f"no name of their own for {', '.join(dict.fromkeys(wrong))} in Kubernetes: it takes letters, digits, '-'",
            remedy="write their manifests with names of yours, and let 'sealift render kubernetes --update' set the"
            " images; --service selects the others",
            step="render",
        )
    return names


def _deployment(release: Deployable, item: Workload, name: str, *, pull_policy: str, replicas: int) -> dict[str, Any]:
    selector = _selector(release, item)
    version = {VERSION: label} if (label := label_value(item.version)) else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "labels": {**selector, **version, MANAGED_BY: "sealift"},
            "annotations": {RELEASE: release.release, COMMIT: release.commit},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": selector}, "spec": _pod(item, name, pull_policy)},
        },
    }


def _pod(item: Workload, name: str, pull_policy: str) -> dict[str, Any]:
    user: dict[str, Any] = {}
    if item.user is not None and not item.root:
        user = {"runAsNonRoot": True, "runAsUser": item.user.id}
        if item.user.group is not None:
            user["runAsGroup"] = item.user.group
    container = {
        "name": name,
        "image": item.image,
        "imagePullPolicy": pull_policy,
        **(_answering(item.boot) if item.boot else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  # the container's own
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {**user, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _answering(boot: Boot) -> dict[str, Any]:
    """The health check that every image has passed, with the time to start that it had then."""
    check = {"httpGet": {"path": boot.path, "port": "http"}}
    failures = math.ceil(boot.timeout / _PERIOD)
    return {
        "ports": [{"name": "http", "containerPort": boot.port}],
        "startupProbe": {**check, "periodSeconds": _PERIOD, "failureThreshold": failures},
        "readinessProbe": check,
        "livenessProbe": check,
    }


def _service(release: Deployable, item: Workload, name: str, boot: Boot) -> dict[str, Any]:
    selector = _selector(release, item)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {**selector, MANAGED_BY: "sealift"}},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": boot.port, "targetPort": "http"}]},
    }


def _selector(release: Deployable, item: Workload) -> dict[str, Any]:
    """Labels that never change: a Deployment's selector cannot."""
    return {NAME: item.service, PART_OF: release.project}
