"""A new Compose file (https://github.com/compose-spec/compose-spec): every service by digest, restricted.

Labels never change between releases, and what does stands in `x-sealift`: a container whose image stays the same is not
made again. What the image says of its version and commit, the container's labels have from the image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pipelines.render.text import comment, dump
from pipelines.render.workloads import Deployable, Workload

PULL_POLICIES: Final[Mapping[str, str]] = {"Always": "always", "IfNotPresent": "missing", "Never": "never"}
"""Kubernetes' name of a policy → Compose's."""

EXTENSION = "x-sealift"


def compose_file(release: Deployable, *, pull_policy: str | None, replicas: int = 1) -> str:
    """The file's text.

    :param pull_policy: as Kubernetes calls it; None for Swarm (`docker stack deploy`), which takes no pull
        policy and no name in the file, and has restart policies of its own.
    """
    document = {
        # The name of a project has no dots.
        **({"name": re.sub(r"[^a-z0-9_-]", "-", release.project)} if pull_policy else {}),
        EXTENSION: {"release": release.release, "commit": release.commit},
        "services": {
            item.service: _service(release, item, pull_policy and PULL_POLICIES[pull_policy], replicas)
            for item in release.workloads
        },
    }
    head = comment(
        "Made by 'sealift render compose'. This file is yours: change what you like;",
        "'sealift render compose --update' sets the images of later releases in it.",
    )
    return head + dump(document)


def _service(release: Deployable, item: Workload, pull_policy: str | None, replicas: int) -> dict[str, Any]:
    user = {"user": str(item.user)} if item.user is not None and not item.root else {}
    expose = {"expose": [str(item.boot.port)]} if item.boot else {}
    return {
        "image": item.image,
        **({"pull_policy": pull_policy} if pull_policy else {}),
        **user,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108  # the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        **expose,
        **({"restart": "unless-stopped"} if pull_policy else {}),
        "labels": {"dev.sealift.project": release.project, "dev.sealift.service": item.service},
        "deploy": {
            "replicas": replicas,
            "update_config": {"order": "start-first", "failure_action": "rollback"},
            "rollback_config": {"order": "start-first"},
        },
    }
