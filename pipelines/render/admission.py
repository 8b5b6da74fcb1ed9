"""What admission policies demand, whichever policy engine they are written for.

A cluster with such policies takes an image of an environment only if it was signed by those whose signatures count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.errors import ConfigError
from pipelines.images import DOCKER_HUB
from pipelines.model import Target
from pipelines.render.text import comment
from pipelines.render.trusted_root import TrustedRoot, read_trusted_root
from pipelines.trust import SIGNATURE, Identity, Party, Trust, placeholders

MADE: Final = "# Made by 'sealift render admission"
"""How a file of these begins."""

DEBUG: Final = "-debug"
"""Behind the name of a policy that is about containers for debugging."""

_MOST_NAMED: Final = 63
"""Characters of a policy's name: Kyverno's bound."""

_POLICY_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")  # RFC 1123, which names of policies must be

_VERSION: Final = r"v[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?"
"""What `{version}` stands for in a policy, which outlives a release: any version."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """One policy.

    :param repositories: registry, as those who read references call it → paths of the repositories there; where all of
        a registry's are guarded, what the paths begin with.
    :param parties: of whom one must have signed; none where a key counts.
    """

    name: str
    repositories: Mapping[str, tuple[str, ...]]
    parties: tuple[Party, ...]


@dataclass(frozen=True, kw_only=True)
class Admission:
    """All policies of an environment.

    :param everything: images of services that nobody knows are guarded too.
    :param insecure: one of the registries speaks plain HTTP.
    :param attested: predicate types of what must be attested to an image besides its signature.
    :param pull_secrets: names of Secrets with logins, for registries that are not public.
    :param command: that makes the policies again.
    """

    name: str
    trust: Trust
    guards: tuple[Guard, ...]
    everything: bool = False
    insecure: bool = False
    attested: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    command: str

    @property
    def root(self) -> TrustedRoot | None:
        """The trusted root, read; None: Sigstore's public one.

        :raises ConfigError: it is none, or lacks what certificates are checked with.
        """
        return None if self.trust.root is None else read_trusted_root(self.trust.root)

    @property
    def demanded(self) -> Mapping[str, str]:
        """Name → predicate type of every statement that an image needs; a signature of the older format is none."""
        signature = {} if self.trust.legacy else {"signature": SIGNATURE}
        return signature | {f"required{number}": kind for number, kind in enumerate(self.attested, start=1)}

    @property
    def head(self) -> str:
        """The comment that a file begins with, by which it is known again."""
        return comment(
            f"Made by '{self.command}'.",
            "The same command makes it again when services, registries or whose signatures count change; what was",
            "changed by hand is lost then. docs/admission.md says what it checks.",
        )


def guards(
    name: str, trust: Trust, targets: Sequence[Target], services: Sequence[str], *, everything: bool
) -> tuple[Guard, ...]:
    """One policy; or one for each service, where identities are of one service only.

    :raises ConfigError: they cannot be named so, or everything below a registry would be everybody's.
    """
    if any("service" in placeholders(identity.subject) for identity in trust.identities if not identity.pattern):
        if everything:
            raise ConfigError(
                "'signing.identities' has a {service}, and of an image that is no service's nobody knows who signs it",
                remedy="leave --everything out",
                step="render",
            )
        made = tuple(
            Guard(
                name=f"{name}-{service}".replace("_", "-"),
                repositories=_repositories(targets, [service], everything=False),
                parties=_parties(trust, service),
            )
            for service in services
        )
    else:
        found = _repositories(targets, services, everything=everything)
        made = (Guard(name=name, repositories=found, parties=_parties(trust, "")),)
    _check_names([guard.name for guard in made])
    return made


def identity_of(party: Party) -> Mapping[str, str]:
    """As both policy engines have it: the subject exactly, or an expression for all of it."""
    return {"issuer": party.issuer} | (
        {"subjectRegExp": party.pattern} if party.pattern is not None else {"subject": party.subjects[0]}
    )


def _parties(trust: Trust, service: str) -> tuple[Party, ...]:
    """:raises ConfigError: one has to be the job of a repository.

    What these policies say of a keyless signer, in both policy engines, is issuer and subject (`identities`): they
    would take what anybody signs who calls the same workflow.
    """
    if called := [identity for identity in trust.identities if identity.repository or identity.ref]:
        job = " at ".join(filter(None, (called[0].repository, called[0].ref)))
        raise ConfigError(
            f"these policies compare issuer and subject alone, and {called[0].subject} has to be a job of"
            f" {job}: they would take what every other job of that workflow signs",
            remedy="let 'sealift verify' look at such images before they are deployed, or let a workflow of the"
            " repository itself sign",
            step="render",
        )
    return tuple(_party(identity, service) for identity in trust.identities)


def _party(identity: Identity, service: str) -> Party:
    if identity.pattern:
        return Party(issuer=identity.issuer, pattern=f"^(?:{identity.subject})$")
    if "version" not in placeholders(identity.subject):
        return Party(issuer=identity.issuer, subjects=(identity.subject.replace("{service}", service),))
    parts = identity.subject.replace("{service}", service).split("{version}")
    return Party(issuer=identity.issuer, pattern=f"^{_VERSION.join(map(re.escape, parts))}$")


def _repositories(
    targets: Sequence[Target], services: Sequence[str], *, everything: bool
) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for target in targets:
        if everything and not target.prefix:
            raise ConfigError(
                f"the images in {target.registry} have no prefix: everything there is other people's too",
                remedy="give the environment a 'prefix', or leave --everything out",
                step="render",
            )
        paths = [target.prefix] if everything else [target.repository(name).path for name in services]
        for registry in _called(target.registry.lower()):
            found.setdefault(registry, {}).update(dict.fromkeys(paths))
    return {registry: tuple(paths) for registry, paths in found.items()}


def _called(registry: str) -> Sequence[str]:
    """What a registry may be called in a reference that has been read: Docker Hub answers to several names."""
    return sorted(DOCKER_HUB) if registry == "docker.io" or registry in DOCKER_HUB else [registry]


def _check_names(names: Sequence[str]) -> None:
    """:raises ConfigError: Kubernetes would not take one, or take two for the same."""
    most = _MOST_NAMED - len(DEBUG)
    wrong = [name for name in names if not _POLICY_NAME.fullmatch(name) or len(name) > most or names.count(name) > 1]
    if wrong:
        raise ConfigError(
            f"policies cannot be called {', '.join(dict.fromkeys(wrong))}: each needs a name of its own, of lower-case"
            f" letters, digits, '-' and '.', with at most {most} characters",
            remedy="name them with --name",
            step="render",
        )
