"""The file of ignores: schema, loading and checks. An entry is for one thing about one package, and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from pipelines.config.explain import explain
from pipelines.config.files import read_text
from pipelines.config.problems import REMEDY, Finding, InvalidConfig, in_order, suggestion
from pipelines.config.types import FormatOne, ServiceName, Strict, Text
from pipelines.config.yaml_nodes import Document, parse_yaml
from pipelines.errors import shown
from pipelines.ignores import LONGEST, Ignore

_ID = r"[A-Za-z][A-Za-z0-9_.:+-]*(?: WITH [A-Za-z0-9_.-]+)?"
# Without what other tools take for a pattern, and no package has in its name.
_PACKAGE = r"[^\s*?\[\]{}|^$\\]+"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _id(value: str) -> str:
    if not re.fullmatch(_ID, value):
        raise ValueError(f"expected one advisory or licence, as in CVE-2024-1234, found {shown(value)}")
    return value


def _package(value: str) -> str:
    if not re.fullmatch(_PACKAGE, value):
        raise ValueError(f"expected the name of one package, found {shown(value)}")
    return value


def _day(value: object) -> object:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    found = f"the text {shown(value)}" if isinstance(value, str) else "something else"
    raise ValueError(f"expected a day, as in 2025-01-31, found {found}")


class Entry(Strict):
    """One vulnerability, or one licence, of one package that may leave for a time."""

    id: Annotated[Text, AfterValidator(_id)] = Field(
        description="The advisory or licence, as the gate names it.", json_schema_extra={"pattern": f"^{_ID}$"}
    )
    package: Annotated[Text, AfterValidator(_package)] = Field(
        description="The package, as the gate names it.", json_schema_extra={"pattern": f"^{_PACKAGE}$"}
    )
    services: list[ServiceName] | None = Field(
        default=None, min_length=1, description="Those that it is about. Default: all."
    )
    reason: Text = Field(description="Why it may leave, for whoever reads the record.")
    owner: Text = Field(description="Who answers for it.")
    expires: Annotated[date, BeforeValidator(_day)] = Field(
        description=f"The last day on which it holds, in UTC; at most {LONGEST} days away."
    )


class Ignores(Strict):
    """The file."""

    version: FormatOne = Field(description="Version of this format.")
    ignores: list[Entry] = Field(max_length=1000, description="The entries.")


def read_ignores(root: Path, file: str, services: Sequence[str], *, today: date) -> tuple[Ignore, ...]:
    """Read and check the file of ignores.

    :param file: from the root.
    :param services: all services of the configuration.
    :param today: in UTC.
    :raises InvalidConfig: with every problem, each with its line: what is no entry, too broad, expired, for too long, a
        second time there, or about a service that there is not.
    """
    text, problems = read_text(root / file, file)
    entries: dict[int, Entry] = {}
    if text is not None:
        document = parse_yaml(text, file=file)
        problems.extend(document.problems)
        try:
            Ignores.model_validate(document.data)
        except ValidationError as error:
            # What YAML itself could not read was told already.
            problems.extend([] if document.problems else explain(error, document, Ignores))
        entries = _entries(document.data)
        problems.extend(document.problem(path, message) for path, message in _check(entries, document, services, today))
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return tuple(
        Ignore(
            id=entry.id,
            package=entry.package,
            services=tuple(entry.services or services),
            reason=entry.reason,
            owner=entry.owner,
            expires=entry.expires,
            origin=f"{file}:{document.position(('ignores', number))[0]}",
        )
        for number, entry in entries.items()
    )


def _entries(data: object) -> dict[int, Entry]:
    """The entries that the schema takes, by their place: what is wrong with others hides nothing about these."""
    entries: dict[int, Entry] = {}
    items = data.get("ignores") if isinstance(data, dict) else None
    for number, item in enumerate(items if isinstance(items, list) else ()):
        with suppress(ValidationError):
            entries[number] = Entry.model_validate(item)
    return entries


def _check(entries: Mapping[int, Entry], document: Document, services: Sequence[str], today: date) -> Iterator[Finding]:
    latest = today + timedelta(days=LONGEST)
    there: dict[tuple[str, str, str], int] = {}
    for number, entry in entries.items():
        path = ("ignores", number)
        if entry.expires < today:
            yield (
                (*path, "expires"),
                f"expired on {entry.expires}: mend what it excuses, or look again and give it a new day",
            )
        elif entry.expires > latest:
            yield (*path, "expires"), f"is too far away: at most {LONGEST} days, {latest} if it is written today"
        for index, service in enumerate(entry.services or ()):
            if service not in services:
                near = suggestion(service, services) or ";"
                yield (*path, "services", index), f"no such service{near} services: {', '.join(services)}"
        for service in entry.services or services:
            first = there.setdefault((entry.id, entry.package, service), number)
            if first != number:
                line, _ = document.position(("ignores", first))
                yield path, f"{entry.id} in {entry.package} is ignored on line {line} already; keep one of them"
                break
