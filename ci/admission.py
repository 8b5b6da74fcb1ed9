"""What `sealift render admission` writes: from the configuration, and whose signatures count."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci.front import configured
from ci.run import variables
from ci.terminal import report
from ci.trusted import trusted
from pipelines.config import Flags, resolve
from pipelines.predicates import PROVENANCE
from pipelines.render.admission import Admission, guards
from pipelines.render.kyverno import kyverno
from pipelines.render.policy_controller import caution, policy_controller, why_not

ENGINES: Final[Mapping[str, Callable[[Admission], str]]] = {
    "kyverno": kyverno, "policy-controller": policy_controller
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The flags of `--help`."""

    env: str | None
    engines: tuple[str, ...]
    name: str | None
    provenance: bool
    required: tuple[str, ...]
    everything: bool
    pull_secrets: tuple[str, ...]

    @property
    def command(self) -> str:
        """What makes the same policies again."""
        given: dict[str, Sequence[str | None]] = {"--env": [self.env], "--name": [self.name]}
        given |= {"--require": self.required, "--pull-secret": self.pull_secrets}
        pairs = [word for flag, values in given.items() for value in values if value for word in (flag, value)]
        switches = {"--no-provenance": not self.provenance, "--everything": self.everything}
        return shlex.join(["sealift", "render", "admission", *pairs, *(flag for flag, on in switches.items() if on)])


def policies(root: Path, wanted: Wanted) -> Mapping[str, str]:
    """Policy engine → its file.

    :raises ConfigError: the configuration or the variables are wrong, or a policy engine cannot check these signatures.
    """
    flags = Flags(env=wanted.env)
    environ = variables(root, flags)
    config = configured(root, environ, flags).config
    settings = resolve(config, environ=environ, flags=flags)
    trust = trusted(root, environ, config.project, settings)
    targets = (*settings.targets, *settings.regions)
    name = wanted.name or f"{config.project}-{settings.environment}".replace("_", "-")
    admission = Admission(
        name=name,
        trust=trust,
        guards=guards(name, trust, targets, sorted(config.services), everything=wanted.everything),
        everything=wanted.everything,
        insecure=any(target.insecure for target in targets),
        attested=(*((PROVENANCE.uri,) if wanted.provenance else ()), *wanted.required),
        pull_secrets=wanted.pull_secrets,
        command=wanted.command,
    )
    why = why_not(admission)
    if why and not wanted.engines:
        report(f"policy-controller is left out: {why}")
    engines = wanted.engines or tuple(engine for engine in ENGINES if engine != "policy-controller" or not why)
    if "policy-controller" in engines and (note := caution(admission)):
        report(note)
    return {engine: ENGINES[engine](admission) for engine in engines}
