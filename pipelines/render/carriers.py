"""Where Kubernetes objects and Compose files have their images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from pipelines.render.compose import EXTENSION
from pipelines.render.images import Images
from pipelines.render.kubernetes import COMMIT, MANAGED_BY, RELEASE, VERSION, label_value
from pipelines.render.nodes import Trouble, entry, mapping_of, mappings, text_of
from pipelines.render.update import Object, Own, Place
from pipelines.render.workloads import version_of

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def kubernetes(documents: Sequence[yaml.Node], images: Images) -> Sequence[Object]:
    """The objects of a file that have containers, whatever kind they are: a pod's template may stand in kinds that
    somebody else has defined.

    A file without any Kubernetes object gives none: beside manifests there may be other YAML.
    """
    found = []
    for document in documents:
        for item in _objects(document):
            if text_of(item, "kind") == "Kustomization":
                _check_kustomization(item, images)
            places = [Place(body=container, policy="imagePullPolicy") for container in _containers(item)]
            found.append(Object(places=places, own=_names(item, images)))
    return found


def compose(documents: Sequence[yaml.Node], images: Images) -> Sequence[Object]:
    """A Compose file's services.

    :raises Trouble: it has none.
    """
    found = []
    for document in documents:
        list(mappings(document))
        services = mapping_of(document, "services") if isinstance(document, yaml.MappingNode) else None
        if not isinstance(document, yaml.MappingNode) or services is None:
            raise Trouble(document, "no Compose file: it has no services")
        bodies = [value for _, value in services.value if isinstance(value, yaml.MappingNode)]
        places = [Place(body=body, policy="pull_policy") for body in bodies]
        own = mapping_of(document, EXTENSION)
        found.append(Object(places=places, own=_release(own, images, "release", "commit")))
    return found


def _objects(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    """The Kubernetes objects of a document: itself, or the items of a list."""
    if not isinstance(node, yaml.MappingNode):
        return
    kind = text_of(node, "kind")
    if kind is None or (text_of(node, "apiVersion") is None and kind != "Kustomization"):
        return
    items = entry(node, "items")
    if kind.endswith("List") and items and isinstance(items.value, yaml.SequenceNode):
        for item in items.value.value:
            yield from _objects(item)
    else:
        yield node


def _containers(item: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    for mapping in mappings(item):
        for name in _CONTAINERS:
            found = entry(mapping, name)
            if found and isinstance(found.value, yaml.SequenceNode):
                yield from (one for one in found.value.value if isinstance(one, yaml.MappingNode))


def _names(item: yaml.MappingNode, images: Images) -> Own:
    """What an object that Sealift has made says of its release. It stands outside of the pod's template."""
    metadata = mapping_of(item, "metadata")
    annotations = mapping_of(metadata, "annotations") if metadata else None
    labels = mapping_of(metadata, "labels") if metadata else None
    release = _release(annotations, images, RELEASE, COMMIT)

    def own(service: str) -> Iterator[tuple[yaml.ScalarNode, str]]:
        yield from release(service)
        if labels and text_of(labels, MANAGED_BY) == "sealift":
            yield from _scalar(labels, VERSION, label_value(version_of(images.record, service)))

    return own


def _release(mapping: yaml.MappingNode | None, images: Images, release: str, commit: str) -> Own:
    def own(_: str) -> Iterator[tuple[yaml.ScalarNode, str]]:
        if mapping:
            yield from _scalar(mapping, release, images.record.id)
            yield from _scalar(mapping, commit, images.record.plan.commit)

    return own


def _scalar(mapping: yaml.MappingNode, name: str, value: str | None) -> Iterator[tuple[yaml.ScalarNode, str]]:
    found = entry(mapping, name)
    if found and value and isinstance(found.value, yaml.ScalarNode):
        yield found.value, value


def _check_kustomization(item: yaml.MappingNode, images: Images) -> None:
    """:raises Trouble: Kustomize puts other images in the place of those that are set here."""
    found = entry(item, "images")
    for one in found.value.value if found and isinstance(found.value, yaml.SequenceNode) else []:
        name = entry(one, "name") if isinstance(one, yaml.MappingNode) else None
        if name and isinstance(name.value, yaml.ScalarNode) and _may_be_ours(images, name.value.value):
            raise Trouble(name.value, f"Kustomize replaces {name.value.value} by what stands here; take the entry out")


def _may_be_ours(images: Images, written: str) -> bool:
    try:
        return images.ours(written) is not None
    except ValueError:
        return True
