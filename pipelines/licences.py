"""Licences of packages against lists of those that may leave and those that may not. Pure.

A package's licence is an SPDX expression (SPDX 2.3, annex D). An old identifier means its successor: `GPL-3.0`, in a
list or in a package, is `GPL-3.0-only`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pipelines.errors import shown

if TYPE_CHECKING:
    from license_expression import LicenseExpression, Licensing

UNKNOWN = "NOASSERTION"
"""What SPDX says of a package that does not declare its licence."""


@cache
def _spdx() -> Licensing:
    """SPDX's list, as the library has it. Importing and reading it takes 0.1 s, which most runs have no need of."""
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> LicenseExpression | None:
    """The expression, with SPDX's names of today; None if it cannot be read. Packages have few different ones."""
    from license_expression import ExpressionError, ParseError

    try:
        return _spdx().parse(expression or UNKNOWN)
    except (ExpressionError, ParseError):
        return None


def _joined(parsed: LicenseExpression) -> bool:
    """Whether it is of several licences, by AND or by OR."""
    return isinstance(parsed, _spdx().AND | _spdx().OR)


def listed(text: str) -> str:
    """An identifier as a list may name it: on SPDX's list, with an exception of it or not, a LicenseRef, or UNKNOWN.

    :raises ValueError: it is none. A misspelled licence would forbid nothing.
    """
    parsed = _parsed(text)
    if parsed is None or _joined(parsed):
        raise ValueError(f"expected one SPDX licence, as in GPL-3.0-only, found {shown(text)}")
    own = [symbol.key for symbol in _spdx().unknown_license_symbols(parsed)]
    if not all(key == UNKNOWN or key.startswith("LicenseRef-") for key in own):
        raise ValueError(f"{shown(text)} is not on SPDX's list of licences (https://spdx.org/licenses)")
    return str(parsed)


def objections(expression: str, *, allow: Collection[str], deny: Collection[str]) -> tuple[str, ...]:
    """The licences for which a package may not leave; empty if it may.

    Of licences joined by OR one that may leave is enough; of those joined by AND all have to.

    :param allow: as `listed` gives them; if there are none, everything that is not denied may leave.
    :param deny: the same.
    """
    parsed = _parsed(expression)
    return (expression,) if parsed is None else _objections(parsed, frozenset(allow), frozenset(deny))


def named(expression: str) -> tuple[str, ...]:
    """Every licence in an expression, with its exception if it has one; the text itself if it cannot be read."""
    parsed = _parsed(expression)
    if parsed is None:
        return (expression,)
    return tuple(str(symbol) for symbol in _spdx().license_symbols(parsed, unique=True, decompose=False))


def _objections(parsed: LicenseExpression, allow: frozenset[str], deny: frozenset[str]) -> tuple[str, ...]:
    if not _joined(parsed):
        return () if _may(parsed, allow, deny) else (str(parsed),)
    each = [_objections(part, allow, deny) for part in parsed.args]
    if isinstance(parsed, _spdx().OR) and not all(each):
        return ()
    return tuple(dict.fromkeys(name for names in each for name in names))


def _may(symbol: LicenseExpression, allow: frozenset[str], deny: frozenset[str]) -> bool:
    """What the lists say of a licence with its exception comes before what they say of the licence alone."""
    alone = getattr(symbol, "license_symbol", symbol)
    for name in dict.fromkeys((str(symbol), str(alone))):
        if name in deny or name in allow:
            return name not in deny
    return not allow
