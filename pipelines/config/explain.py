"""From pydantic's errors to sentences: what was expected, what was found, how to write it."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipelines.config.problems import KeyPath, Problem, nearest, suggestion
from pipelines.config.schema import Config
from pipelines.config.types import PATTERNS
from pipelines.config.yaml_nodes import Document
from pipelines.errors import shown

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping, 'name: value' on each line",
    "model_type": "a mapping, 'key: value' on each line",
    "byte_size": "a size such as 120MB or 64MiB",
    "byte_size_unit": "a size such as 120MB or 64MiB",
}
_RANGES = {"greater_than_equal": ("ge", "or more"), "less_than_equal": ("le", "or less")}


def explain(error: ValidationError, document: Document, model: type[BaseModel] = Config) -> list[Problem]:
    """One problem for each of pydantic's errors, at its line.

    A required key is not called missing where a misspelling of it stands: that is one problem, not two.

    :param model: what the document was read as.
    """
    details = error.errors(include_url=False, include_context=True)
    meant = set(_meant(details, model))
    return [
        _problem(detail, document, model)
        for detail in details
        if not (detail["type"] == "missing" and detail["loc"] in meant)
    ]


def _meant(details: list[ErrorDetails], model: type[BaseModel]) -> Iterator[KeyPath]:
    for detail in details:
        if detail["type"] == "extra_forbidden":
            *above, name = detail["loc"]
            if near := nearest(str(name), allowed_keys(tuple(above), model)):
                yield (*above, near)


def _problem(detail: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    kind, path = detail["type"], tuple(detail["loc"])
    if path[-1:] == ("[key]",):
        said = detail["msg"].removeprefix("Value error, ") if kind == "value_error" else ""
        return document.problem(path[:-1], said or f"the key must be {_expected(detail)}", on_key=True)
    if kind == "extra_forbidden":
        return document.problem(path, _unknown(path, model), on_key=True)
    if kind == "missing":
        about = _description(path, model).removesuffix(".")
        return document.problem(path, f"required key is missing{': ' if about else ''}{about}")
    if kind == "value_error":
        return document.problem(path, detail["msg"].removeprefix("Value error, "))
    if kind in {"too_short", "string_too_short"}:
        return document.problem(path, "must not be empty")
    found = _found(detail, path, document)
    return document.problem(path, f"expected {_expected(detail)}, found {found}{_meant_value(detail)}")


def _expected(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind in _RANGES:
        limit, words = _RANGES[kind]
        return f"{context[limit]} {words}"
    if kind in {"literal_error", "enum"}:
        return str(context["expected"])
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    if kind in {"string_too_long", "too_long"}:
        return f"at most {context['max_length']} {'characters' if kind == 'string_too_long' else 'entries'}"
    return f"something else ({detail['msg']})"


def _found(detail: ErrorDetails, path: KeyPath, document: Document) -> str:
    value = detail["input"]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if detail["type"] != "too_long" else f"{len(value)} entries"
    if "secrets" in path:
        return "something else"  # whatever was written there, it may be a secret
    if isinstance(value, str):
        hint = f"; write [{value}]" if detail["type"] == "list_type" and len(value) < 40 else ""
        return f"the text {shown(value)}{hint}"
    return _plain(value, path, document) + _quotes(detail, path, document)


def _plain(value: object, path: KeyPath, document: Document) -> str:
    raw = _raw(value, path, document)
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        meaning = str(value).lower()
        return meaning if raw.lower() == meaning else f"{raw}, which YAML reads as {meaning}"
    return f"the number {raw}"


def _raw(value: object, path: KeyPath, document: Document) -> str:
    """The file's own spelling: YAML 1.1 reads 12:30 as 750, yes as true and 3.10 as 3.1."""
    spot = document.spots.get(path)
    return spot.raw if spot is not None and spot.raw is not None else str(value)


def _quotes(detail: ErrorDetails, path: KeyPath, document: Document) -> str:
    if detail["type"] != "string_type" or detail["input"] is None:
        return ""
    return f"; put it in quotes: '{_raw(detail['input'], path, document)}'"


def _meant_value(detail: ErrorDetails) -> str:
    expected = detail.get("ctx", {}).get("expected", "")
    return suggestion(str(detail["input"]), re.findall(r"'([^']+)'", expected))


def _unknown(path: KeyPath, model: type[BaseModel]) -> str:
    allowed = allowed_keys(path[:-1], model)
    return f"unknown key{suggestion(str(path[-1]), allowed) or ';'} allowed: {', '.join(allowed)}"


def allowed_keys(path: KeyPath, model: type[BaseModel] = Config) -> list[str]:
    """The keys that the schema has at a key path, sorted; none where it has no model."""
    at = _type_at(path, model)
    return sorted(at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else []


def _description(path: KeyPath, model: type[BaseModel]) -> str:
    at = _type_at(path[:-1], model)
    if isinstance(at, type) and issubclass(at, BaseModel) and path[-1] in at.model_fields:
        return at.model_fields[str(path[-1])].description or ""
    return ""


def _type_at(path: KeyPath, model: type[BaseModel]) -> Any:
    """The schema's type at a key path. Any: it may be a model, a list or anything else that an annotation can name."""
    at: Any = model
    for part in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = at.model_fields.get(str(part))
            at = None if field is None else field.annotation
        else:
            at = (get_args(at) or (None,))[-1]
        at = _bare(at)
    return at


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return _bare(next(option for option in get_args(annotation) if option is not type(None)))
    return annotation
