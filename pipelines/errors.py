"""One tree of errors. Each carries an exit code and a remedy, and names where it happened.

They are caught once, at the front door. `str(error)` is the whole message, remedy included, because that text is all
that a caller of the Dagger module sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `sealift`. 2 is left to click, which uses it for wrong usage."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    GATE = 4
    REGISTRY = 5
    TOOL = 6
    ENGINE = 7
    BUILD = 8
    BOOT = 9
    SIGNING = 10
    INTERRUPTED = 130


_LONGEST_SHOWN = 60


def shown(text: str) -> str:
    """A value as messages show it: in quotes, on one line, shortened with its length behind it."""
    if len(text) <= _LONGEST_SHOWN:
        return repr(text)
    return f"{text[:_LONGEST_SHOWN] + '…'!r} ({len(text):,} characters)"


class SealiftError(Exception):
    """A failure that a user can act on.

    :param what: what went wrong, one sentence or a few lines.
    :param remedy: what to do about it.
    :param service, platform, step: where it happened, as far as it is known.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(
        self,
        what: str,
        *,
        remedy: str,
        service: str | None = None,
        platform: str | None = None,
        step: str | None = None,
    ) -> None:
        self.what = what
        self.remedy = remedy
        self.service = service
        self.platform = platform
        self.step = step
        super().__init__(what)

    @property
    def where(self) -> str:
        """`service platform step`, only the known parts; empty if none is known."""
        return " ".join(part for part in (self.service, self.platform, self.step) if part)

    def __str__(self) -> str:
        prefix = f"{self.where}: " if self.where else ""
        return f"{prefix}{self.what}\n  remedy: {self.remedy}"


class ConfigError(SealiftError):
    """The configuration, the command's arguments or the repository are not usable as they are."""

    exit_code = ExitCode.CONFIG


class GateFailed(SealiftError):
    """The gate's verdict is no: an outcome, not a crash."""

    exit_code = ExitCode.GATE


class RegistryError(SealiftError):
    """A registry could not be reached, refused us, or answered something else than a registry would."""

    exit_code = ExitCode.REGISTRY
    after: float | None = None
    """Seconds that the registry asks to wait before it is asked again, if it does."""


class ToolError(SealiftError):
    """A tool crashed or answered something that cannot be trusted."""

    exit_code = ExitCode.TOOL


class EngineError(SealiftError):
    """The Dagger engine is missing, cannot be started, or was lost."""

    exit_code = ExitCode.ENGINE


class BuildError(SealiftError):
    """A Dockerfile did not build."""

    exit_code = ExitCode.BUILD


class BootError(SealiftError):
    """An image did not start, or did not answer its health check."""

    exit_code = ExitCode.BOOT


class SigningError(SealiftError):
    """A signature or attestation could not be made, or did not verify."""

    exit_code = ExitCode.SIGNING
    passing = False
    """Whether it may pass by itself: a service that signing needs did not answer."""


class SeveralErrors(SealiftError):
    """Every failure of one run. The exit code is that of the first.

    :param errors: at least one; what is itself several failures is taken apart.
    """

    def __init__(self, errors: Sequence[SealiftError]) -> None:
        self.errors: tuple[SealiftError, ...] = tuple(
            single for error in errors for single in (error.errors if isinstance(error, SeveralErrors) else (error,))
        )
        self.exit_code = self.errors[0].exit_code
        super().__init__(
            "\n".join(str(error) for error in self.errors),
            remedy="mend each of the failures above; the first one stopped the run",
        )

    def __str__(self) -> str:
        return f"{len(self.errors)} failures\n" + "\n".join(f"- {error}" for error in self.errors)
