"""Start an image from the quarantine, by digest, and see its health check answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import anyio
import dagger

from pipelines import tools
from pipelines.config.schema import Boot
from pipelines.errors import BootError
from pipelines.model import Digest, Unit
from pipelines.stages.failures import last_words
from pipelines.stages.toolbox import Toolbox

# The engine itself waits for the port before the probe is started; starting containers takes it a while too.
_SLACK_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Booted:
    """`ms`: from the probe's start to its first good answer; `at`: when that was, which may be in an earlier run."""

    ms: int
    at: datetime


async def boot(toolbox: Toolbox, unit: Unit, digest: Digest, container: dagger.Container, check: Boot) -> Booted:
    """Boot the container and probe it.

    :raises BootError: it ends, does not listen, or does not answer with 200 to 399 in time.
    """
    probe = _probe(toolbox, digest, container, check)
    where = {"service": unit.service, "platform": unit.platform, "step": "boot"}
    remedy = (
        f"start the image yourself and ask for {check.path} on port {check.port};"
        " services.NAME.boot in sealift.yaml has port, path and timeout"
    )
    try:
        with anyio.fail_after(check.timeout + _SLACK_SECONDS):
            answer = json.loads(await probe.stdout())
    except TimeoutError:
        raise BootError(
            f"nothing listened on port {check.port} within {check.timeout} s", remedy=remedy, **where
        ) from None
    except dagger.ExecError as failure:
        raise BootError(
            f"it ended with exit code {failure.exit_code} before it was healthy:\n    {last_words(failure)}",
            remedy=remedy,
            **where,
        ) from failure
    except (dagger.QueryError, ValueError) as failure:
        raise BootError(f"it did not start: {failure}", remedy=remedy, **where) from failure
    if not answer["ok"]:
        raise BootError(
            f"no healthy answer from {check.path} within {check.timeout} s; the last was: {answer['last']}",
            remedy=remedy,
            **where,
        )
    return Booted(ms=int(answer["ms"]), at=datetime.fromtimestamp(answer["at"], UTC))


def _probe(toolbox: Toolbox, digest: Digest, container: dagger.Container, check: Boot) -> dagger.Container:
    """The image as a service, and beside it the probe, which prints its answer as JSON."""
    server = container.with_exposed_port(check.port)
    for name, value in check.env.items():
        server = server.with_env_variable(name, value)
    script = resources.files("pipelines.stages").joinpath("probe.py").read_text(encoding="utf-8")
    return (
        toolbox.client.container()
        .from_(toolbox.image(tools.PROBE))
        .with_new_file("/probe.py", script)
        .with_env_variable("SEALIFT_DIGEST", digest)
        .with_service_binding("app", server.as_service(use_entrypoint=True))
        .with_exec(
            ["python3", "-I", "/probe.py", "app", str(check.port), check.path, str(check.timeout)],
            expect=dagger.ReturnType.ANY,
        )
    )
