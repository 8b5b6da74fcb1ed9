"""What is deployed, as files say: Kubernetes manifests, Compose files, release records. Pure: it is given their text.

A file that cannot be read to its end is an error, and so is an image of ours by a tag that cannot be looked up: what is
deployed must not go only because it was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from pipelines.errors import ConfigError, shown
from pipelines.model import Digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The parts of an image that Helm's values and Kustomize's `images` have under keys of their own.
_NAMES = ("newName", "repository", "name")
_TAGS = ("newTag", "tag")


@dataclass(frozen=True, kw_only=True)
class Ours:
    """How images of ours are named, and what their tags name now.

    :param repositories: repository, such as `ghcr.io/shop/api`, of each registry that is looked at → tag → digest.
    :param names: of the services, with their prefixes.
    :param digests: everything that the registries hold.
    """

    repositories: Mapping[str, Mapping[str, Digest]]
    names: frozenset[str]
    digests: frozenset[Digest]

    def is_ours(self, repository: str) -> bool:
        """Whether it is one of ours, here or at another registry."""
        return repository in self.repositories or any(
            repository == name or repository.endswith(f"/{name}") for name in self.names
        )


def deployed(files: Sequence[tuple[str, str | bytes]], ours: Ours) -> Mapping[Digest, str]:
    """Digest → the file and line that names it.

    :param files: what each is called, and its content.
    :raises ConfigError: with everything that is wrong with any of them.
    """
    found: dict[Digest, str] = {}
    problems: list[str] = []
    for name, content in files:
        there = _File(name, ours, problems)
        there.read(content)
        for digest, line in there.found.items():
            found.setdefault(digest, f"{name}:{line}")
        if not there.ours_named and not there.problems:
            problems.append(f"{name}:1: names none of the images that are looked at")
    if problems:
        raise ConfigError(
            "what is deployed cannot be told:\n    " + "\n    ".join(problems),
            remedy="give files as they were applied, with images by digest ('sealift render' writes such);"
            " 'docker compose config' and 'helm template' fill in what is variable",
            step="retention",
        )
    return found


def digests_in(files: Sequence[tuple[str, str | bytes]]) -> frozenset[Digest]:
    """Every digest that stands in them, whatever it is of: what is to be looked for at the registries."""
    texts = (text if isinstance(text, str) else text.decode(errors="replace") for _, text in files)
    return frozenset(Digest(found) for text in texts for found in _DIGEST.findall(text))


class _File:
    """One file. What is wrong goes to `problems`, with its line."""

    def __init__(self, name: str, ours: Ours, everywhere: list[str]) -> None:
        self.name = name
        self.ours = ours
        self.everywhere = everywhere
        self.problems = 0
        self.ours_named = False
        self.found: dict[Digest, int] = {}

    def read(self, content: str | bytes) -> None:
        try:
            # What stands between two `---` may be nothing.
            nodes = (node for node in yaml.compose_all(content, Loader=_LOADER) if node is not None)
            documents = [node for node in nodes if node.tag != "tag:yaml.org,2002:null"]
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or str(error).splitlines()[0]
            self._wrong(mark.line + 1 if mark else 1, f"is neither YAML nor JSON: {why}")
            return
        if not documents:
            self._wrong(1, "is empty")
        for document in documents:
            if isinstance(document, yaml.ScalarNode):
                self._wrong(document.start_mark.line + 1, "is a text, and no manifest, Compose file or release record")
            else:
                self._walk(document)

    def _wrong(self, line: int, text: str) -> None:
        self.problems += 1
        self.everywhere.append(f"{self.name}:{line}: {text}")

    def _walk(self, document: yaml.Node) -> None:
        waiting, known = [document], set()
        while waiting:
            node = waiting.pop()
            # An alias is the same node again.
            if id(node) in known:
                continue
            known.add(id(node))
            if isinstance(node, yaml.ScalarNode):
                self._digests(node)
            elif isinstance(node, yaml.SequenceNode):
                waiting.extend(node.value)
            elif isinstance(node, yaml.MappingNode):
                waiting.extend(part for pair in node.value for part in pair)
                if any(not isinstance(key, yaml.ScalarNode) for key, _ in node.value):
                    # What YAML makes of {{ … }} without quotes.
                    self._wrong(node.start_mark.line + 1, "is a template: which images it names cannot be told")
                self._image(node)

    def _digests(self, node: yaml.ScalarNode) -> None:
        for text in _DIGEST.findall(node.value):
            self.found.setdefault(Digest(text), node.start_mark.line + 1)
            repository = _parts(node.value.partition("@")[0])[0]
            self.ours_named |= text in self.ours.digests or self.ours.is_ours(repository)

    def _image(self, node: yaml.MappingNode) -> None:
        """`image: NAME:TAG`, or a name and a tag beside each other."""
        texts = {
            key.value: value
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)
        }
        if "image" in texts:
            self._reference(texts["image"].value, texts["image"].start_mark.line + 1)
        tag = next((texts[key] for key in _TAGS if key in texts), None)
        name = next((texts[key] for key in _NAMES if key in texts), None)
        if tag is None or name is None or _DIGEST.search("".join(item.value for item in texts.values())):
            return
        host = texts["registry"].value + "/" if "registry" in texts else ""
        self._reference(f"{host}{name.value}:{tag.value}", tag.start_mark.line + 1)

    def _reference(self, text: str, line: int) -> None:
        if _DIGEST.search(text) or not text:
            return
        if "$" in text or "{{" in text:
            self._wrong(line, f"{shown(text)} is filled in later: which image that is cannot be told")
            return
        repository, tag = _parts(text)
        tags = self.ours.repositories.get(repository)
        if tags is None:
            if self.ours.is_ours(repository):
                self._wrong(line, f"{shown(text)} is at another registry, and not named by its digest")
        elif tag not in tags:
            self._wrong(line, f"{shown(text)}: there is no such tag, and so nobody knows what is deployed")
        else:
            self.ours_named = True
            self.found.setdefault(tags[tag], line)


def _parts(reference: str) -> tuple[str, str]:
    """Repository and tag; without a tag, container tools take `latest`, and without a host, Docker Hub."""
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    repository = f"{head}{slash}{name}"
    first, _, rest = repository.partition("/")
    if not rest or not ("." in first or ":" in first or first == "localhost"):
        repository = f"docker.io/{repository}" if rest else f"docker.io/library/{repository}"
    return repository, tag or "latest"
