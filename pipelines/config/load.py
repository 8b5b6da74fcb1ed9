"""`sealift.yaml` from a repository, with every problem at once. The only place that reads the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from pipelines.config.check import check_keys
from pipelines.config.dotenv import read_dotenv
from pipelines.config.explain import explain
from pipelines.config.files import read_text
from pipelines.config.paths import ServicePaths, check_files, resolve_paths
from pipelines.config.problems import REMEDY, Finding, InvalidConfig, KeyPath, Problem, in_order
from pipelines.config.salvage import salvage
from pipelines.config.schema import Config
from pipelines.config.yaml_nodes import Document, parse_yaml

FILE = "sealift.yaml"
_TOP = "expected a mapping with version, project, source, services and environments"


@dataclass(frozen=True, kw_only=True)
class LoadedConfig:
    """A repository's configuration, checked.

    :param root: the repository's root, as it was given.
    :param file: the file's name from the root, as it was given.
    :param environ: the environment that was given, over the variables of `.env`.
    :param paths: context and Dockerfile of each service.
    """

    root: Path
    file: str
    config: Config
    environ: Mapping[str, str] = field(repr=False)  # it may hold a password
    paths: Mapping[str, ServicePaths]
    document: Document = field(repr=False)

    def where(self, *path: str | int) -> str:
        """`sealift.yaml:14:5`, the place of a key path; of the nearest key above for one that is not in the file."""
        line, column = self.document.position(path)
        return f"{self.file}:{line}:{column}"


def load(root: Path, *, file: str = FILE, environ: Mapping[str, str]) -> LoadedConfig:
    """Read and check a repository's configuration and its `.env`.

    :param root: the repository's root; contexts and Dockerfiles are looked for below it.
    :param file: the configuration, from the root.
    :param environ: the environment; it wins over `.env`.
    :raises InvalidConfig: with every problem of both files, each with file, line, column and key path.
    """
    text, problems = read_text(
        root / file, file, if_missing="run at the repository's root, or name it with --root; the README has an example"
    )
    variables, wrong = read_dotenv(root)
    problems.extend(wrong)
    document, config = Document(file=file), None
    if text is not None:
        document, config, found = _check(text, file, root)
        problems.extend(found)
    if problems or config is None:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return LoadedConfig(
        root=root,
        file=file,
        config=config,
        environ=MappingProxyType({**variables, **environ}),
        paths=MappingProxyType({name: resolve_paths(name, service) for name, service in config.services.items()}),
        document=document,
    )


def parse(text: str, *, file: str = FILE) -> Config:
    """Check a configuration's text without looking at the files that it names. Pure.

    :raises InvalidConfig: with every problem, as `load`.
    """
    _, config, problems = _check(text, file, None)
    if problems or config is None:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return config


def _check(text: str, file: str, root: Path | None) -> tuple[Document, Config | None, list[Problem]]:
    document = parse_yaml(text, file=file)
    problems = list(document.problems)
    if document.data is None:
        empty = [] if problems else [Problem(source=file, line=1, column=1, message="is empty; " + _TOP)]
        return document, None, problems + empty
    if not isinstance(document.data, dict):
        return document, None, [*problems, document.problem((), _TOP)]
    config, findings, refused = _validate(document)
    if config is not None:
        findings.extend(document.problem(path, message) for path, message in _further(config, root, refused))
    # What YAML itself could not read was told already: what else is said about it would only repeat that.
    told = {problem.where for problem in problems}
    problems.extend(finding for finding in findings if finding.where not in told)
    return document, config, problems


def _further(config: Config, root: Path | None, refused: Iterable[KeyPath]) -> Iterator[Finding]:
    """Checks across keys, except for services and environments that the schema refused: there they could mislead."""
    told = {path[:2] for path in refused}
    for path, message in (*check_keys(config), *(check_files(root, config) if root else ())):
        if path[:2] not in told:
            yield path, message


def _validate(document: Document) -> tuple[Config | None, list[Problem], list[KeyPath]]:
    """The configuration, the schema's problems and their paths. With problems, only what remains of it."""
    try:
        return Config.model_validate(document.data), [], []
    except ValidationError as error:
        refused = [tuple(detail["loc"]) for detail in error.errors(include_url=False, include_context=False)]
        return salvage(document.data, refused), explain(error, document), refused
