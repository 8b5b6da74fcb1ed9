"""A full disk under the engine: whatever a stage made of it, no Dockerfile, tool or key has to be mended."""

from __future__ import annotations

import dagger

from pipelines.errors import ConfigError, EngineError, RegistryError, SealiftError, SeveralErrors

_ENOSPC = "no space left on device"
_UNRECORDED = -1
"""What the engine gives as exit code when the file is empty that it keeps it in (0.21.8, `getExecMeta`)."""


_LITTLE = 64 << 20
"""Bytes with which the engine cannot work: what a command says when it ends is not kept then, only that it failed."""


def disk_full(failure: SealiftError, left: int | None = None) -> EngineError | None:
    """What to say instead, with the failure's own text and place, if the engine's disk is full; None if it is not.

    A registry that says so speaks of its own disk.

    :param left: bytes that are left on the engine's disk, where that can be told.
    """
    for single in failure.errors if isinstance(failure, SeveralErrors) else (failure,):
        if isinstance(single, RegistryError | ConfigError):
            continue
        if _ENOSPC in single.what.lower():
            return _full(f"there is no space left on the engine's disk: {single.what}", single)
        if left is not None and left < _LITTLE:
            return _full(f"the engine's disk is full, {left >> 20} MB are left: {single.what}", single)
        if isinstance(single.__cause__, dagger.ExecError) and single.__cause__.exit_code == _UNRECORDED:
            return _full(f"the engine's disk is full: it could not keep how a command ended: {single.what}", single)
    return None


def _full(what: str, seen: SealiftError) -> EngineError:
    return EngineError(
        what,
        remedy="make room on the disk that holds the engine's state, or empty it with 'sealift down --purge', which"
        " removes the local registry's images too; then run the command again",
        service=seen.service,
        platform=seen.platform,
        step=seen.step,
    )
