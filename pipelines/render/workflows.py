"""GitHub workflows for a configuration. Pure: the same configuration gives the same text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.model import Platform
from pipelines.registry.kinds import kind_of
from pipelines.trust import WORKFLOWS

FILES: Final = ("release.yml", "pull-request.yml", "nightly.yml")
REUSABLE: Final = "release-reusable.yml"
_WRITTEN: Final = "# Written by 'sealift init github': change sealift.yaml or its options and run it again. "
_WRITTEN_REUSABLE: Final = "# Written by 'sealift init reusable': change its options and run it again. "


@dataclass(frozen=True, kw_only=True)
class Released:
    """An environment that is released to.

    :param keyless: what leaves is signed as the job; otherwise with a key, which two secrets hold.
    :param tags: whether git tags are released there.
    :param branches: whose pushes are released there.
    """

    name: str
    registry: str
    keyless: bool
    tags: bool = False
    branches: tuple[str, ...] = ()

    @property
    def ghcr(self) -> bool:
        """Whether the job's own token is a login there."""
        return kind_of(self.registry).host == "ghcr.io"

    @property
    def key(self) -> bool:
        return not self.keyless

    @property
    def condition(self) -> str:
        """When its job runs."""
        refs = [f"github.ref == 'refs/heads/{branch}'" for branch in self.branches]
        refs += ["github.ref_type == 'tag'"] if self.tags else []
        pushed = [f"(github.event_name == 'push' && ({' || '.join(refs)}))"] if refs else []
        return " || ".join([*pushed, f"inputs.environment == '{self.name}'"])


@dataclass(frozen=True, kw_only=True)
class Native:
    """Releases are built on runners of their platforms, and joined on one more.

    :param runners: label of each platform that services are built for.
    :param shards: runners for each platform, at most.
    :param alike: whether all services are built for all of these platforms.
    """

    runners: Mapping[Platform, str]
    shards: int = 1
    alike: bool = True

    @property
    def divided(self) -> bool:
        """Whether a job has to say what is built where. A matrix that is written down cannot know which services are
        released, and a platform that none of those is built for would fail."""
        return self.shards > 1 or not self.alike

    @property
    def parts(self) -> tuple[str, ...]:
        """What every runner's part may be called; see `pipelines.shards.NativeShard`."""
        numbers = range(1, self.shards + 1)
        # Of several runners, one may be left over: then the platform has a part without a number.
        return tuple(
            part
            for platform in self.runners
            for part in (platform.slug, *(f"{platform.slug}-{number}" for number in numbers if self.shards > 1))
        )


@dataclass(frozen=True, kw_only=True)
class Called:
    """Where the reusable workflow is that releases are done by.

    :param repository: `OWNER/NAME`.
    :param commit: 40 hexadecimal digits.
    """

    repository: str
    commit: str

    @property
    def workflow(self) -> str:
        """As callers write it, and as the tokens of its jobs say it (`job_workflow_ref`)."""
        return f"{self.repository}{WORKFLOWS}{REUSABLE}@{self.commit}"


def workflows(
    released: Sequence[Released],
    *,
    sealift: str,
    locked: bool,
    native: Native | None = None,
    called: Called | None = None,
) -> Mapping[str, str]:
    """Name of each file → its text.

    :param sealift: commit of Sealift that is installed, 40 hexadecimal digits; or `.`, for Sealift's own repository.
    :param locked: whether there is a `sealift.lock` to be checked.
    :param native: how releases are built on several runners; None if one builds all of it.
    :param called: what releases are done by instead; None if the repository does them itself.
    """
    about = {
        "environments": released,
        "branches": sorted({branch for one in released for branch in one.branches}),
        "tagged": any(one.tags for one in released),
        "sealift": sealift,
        "locked": locked,
        "native": native,
        "called": called,
        "against": next((one for one in released if one.tags), released[0]),
    }
    return {name: _signed(_WRITTEN, _rendered(name, about)) for name in FILES}


def reusable(sealift: str, native: Native) -> str:
    """The workflow that other repositories call.

    :param sealift: as `workflows` has it; `.`: at the workflow's own commit, of its own repository.
    :param native: the runners that build. Its caller cannot choose others.
    """
    return _signed(_WRITTEN_REUSABLE, _rendered("reusable.yml", {"sealift": sealift, "native": native}))


def _rendered(template: str, about: Mapping[str, object]) -> str:
    templates = Environment(
        loader=PackageLoader("pipelines.render", "github"),
        # Not those of YAML, of GitHub's expressions and of the shell.
        variable_start_string="[[", variable_end_string="]]", line_statement_prefix="#%",
        block_start_string="[%", block_end_string="%]", comment_start_string="[#", comment_end_string="#]",
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False,  # noqa: S701 - YAML
    )  # fmt: skip
    templates.filters |= {"block": lambda text: text.rstrip("\n"), "flow": lambda names: f"[{', '.join(names)}]"}
    return templates.get_template(template).render(about).rstrip() + "\n"


def _signed(written: str, text: str) -> str:
    return f"{written}{_digest(text)}\n{text}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_written(text: str) -> bool:
    """Whether a file is one of these, and as it was written: nothing is lost if it is written anew."""
    first, _, rest = text.partition("\n")
    return first in {f"{written}{_digest(rest)}" for written in (_WRITTEN, _WRITTEN_REUSABLE)}
