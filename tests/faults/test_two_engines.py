"""Two engines that share nothing build the same image of the same commit; and so does one that was started again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

from tests.faults.conftest import NewRepository
from tests.faults.machine import Machine
from tests.scratch import ROOT, SEALIFT, run

# Files and a compiled one that a step writes; and a name that comes from elsewhere than where it is needed.
DOCKERFILE = """\
FROM python:3.11-slim-bookworm AS made
RUN mkdir -p /out/app && echo 'x = 1' > /out/app/m.py && python3 -m compileall -q /out
FROM python:3.11-slim-bookworm
RUN mkdir /srv/made && touch /srv/made/here
COPY --from=made /out /
COPY server.py /app/server.py
USER 1001:1001
"""


def digest(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)
    return str(image["digest"])


def test_another_engine_builds_the_same_image(
    engine: Mapping[str, str], machine: Machine, new_repository: NewRepository
) -> None:
    repository = new_repository("engines")
    (repository.root / "services/web/Dockerfile").write_text(DOCKERFILE)
    repository.commit()
    there = digest(repository.sealift("build", "--json"))
    # From its cache on disk, an engine packs layers anew.
    assert machine.sealift("down").returncode == 0
    machine.up()
    assert digest(repository.sealift("build", "--json")) == there
    for path in repository.root.glob("services/web/*"):
        os.utime(path, (86400, 86400))
    env = {**engine, "PYTHONPATH": str(ROOT)}
    here = digest(run([*SEALIFT, "build", "--json"], cwd=repository.root, env=env))
    assert here == there
