"""In what order something is deleted. Pure: `registry.removal` does it.

The image itself goes first, and in one request: whoever asks for it finds all of it, or nothing. Its platforms follow,
then what is about them, then the tags that list that: whatever a run that was killed leaves behind is still found by
such a tag or by the release record, which goes after all of its images, and the next run deletes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipelines.holdings import Contents, subject_of
from pipelines.model import Digest


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request.

    :param tag: only this tag goes: what it names is needed under another.
    """

    digest: Digest
    tag: str | None = None


def steps(contents: Contents, root: Digest, kept: Collection[Digest], others: Iterable[Digest]) -> tuple[Step, ...]:
    """What is deleted with one root, in order; nothing if it is part of another.

    :param kept: all that stays.
    :param others: roots that are still there and not kept: theirs is left to them.
    """
    needed = contents.below(one for one in others if one != root)
    gone = [
        one for one in contents.below([root]) if one in contents.manifests and one not in kept and one not in needed
    ]
    if root not in gone:
        return ()
    about = frozenset(one for attached in contents.attached.values() for one in attached)

    def rank(one: Digest) -> int:
        """The root; platforms; what is about something; what lists that."""
        return 0 if one == root else 3 if one in contents.holders else 2 if one in about else 1

    tags = [
        Step(digest=digest, tag=tag)
        for digest, found in sorted(contents.holders.items())
        for tag in found
        if digest not in gone and subject_of(tag) in gone
    ]
    return (*(Step(digest=one) for one in sorted(gone, key=lambda one: (rank(one), one))), *tags)
