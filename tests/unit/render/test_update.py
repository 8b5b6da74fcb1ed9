"""A release's images in files that people have written: everything else stays, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pipelines.errors import ConfigError
from pipelines.record import Record
from pipelines.render import carriers
from pipelines.render.images import Images
from pipelines.render.kubernetes import manifests
from pipelines.render.update import Updated, update
from pipelines.render.workloads import chosen_target, deployable

OLD = "ghcr.io/sealift/aidb:v1.2.2"
DOCS = "quay.io:8443/mirror/docs@sha256:" + "0" * 64

# Odd, and legal: comments, anchors, aliases, merge keys, flow style, all quotes, order, empty documents, spaces.
WORKLOADS = f"""\
%YAML 1.1
---
# first
kind: Deployment   # before apiVersion
apiVersion: apps/v1
metadata: {{name: "a", 'labels': {{x: y}}}}
spec:
    template:
        spec:
            initContainers:
            -   {{name: i,image: "{OLD}",command: ["sh"]}}  # flow
            containers:
              - env: []
                image:      {OLD}     # v1.2.2, kept
                name: b

              -
                name: c
                image: '{DOCS}'
              - name: d
                image: postgres:16
            ephemeralContainers:
            - {{"name": "e", "image": "{OLD}"}}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: CronJob
  spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{image: {OLD}}}]}}}}}}}}}}
- &pod
  apiVersion: v1
  kind: Pod
  spec:
    containers:
    - &base
      image: !!str &image "{OLD}"
    - <<: *base
      name: merged
    - image: *image
- *pod
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
spec:
  template:
    spec:
      containers:
      - image: >-
          postgres:17
      - image:
          {OLD}
...
"""

COMPOSE = f"""\
x-web: &web
  image: {OLD}
  restart: always
services:
  web: {{<<: *web}}
  docs:   # the second
    image: "ghcr.io/sealift/docs:${{TAG:-latest}}"
  db: {{image: postgres:16}}
  built:
    build: .
"""


@pytest.fixture
def images(record: Record) -> Images:
    return Images(record=record)


def one(text: str, images: Images, *, objects: Any = carriers.kubernetes, **options: Any) -> Updated:
    options = {"add_policy": True, **options}
    return update({"f.yaml": text.encode()}, objects, images, **options)["f.yaml"]


def refusal(text: str | bytes, images: Images, *, objects: Any = carriers.kubernetes, **options: Any) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as caught:
        update({"f.yaml": data}, objects, images, add_policy=True, **options)
    return str(caught.value)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_nothing_but_the_images_changes(images: Images, reference: Callable[..., str], begin: str, ends: str) -> None:
    text = (begin + (WORKLOADS.removeprefix("%YAML 1.1\n") if begin else WORKLOADS)).replace("\n", ends)
    updated = one(text, images)
    meant = text.replace(OLD, reference("aidb")).replace(DOCS, reference("docs", "quay.io:8443/mirror"))
    assert updated.after.decode() == meant
    assert one(meant, images).after.decode() == meant
    assert [found.was for found in updated.images] == [OLD, OLD, DOCS, "postgres:16", OLD, OLD, OLD, "postgres:17", OLD]
    lines = text.split(ends)
    assert all(found.was in lines[found.line - 1] for found in updated.images if found.was != "postgres:17")


def test_nothing_but_the_images_changes_in_a_compose_file(images: Images, reference: Callable[..., str]) -> None:
    updated = one(COMPOSE, images, objects=carriers.compose)
    meant = COMPOSE.replace(OLD, reference("aidb")).replace("ghcr.io/sealift/docs:${TAG:-latest}", reference("docs"))
    assert updated.after.decode() == meant
    assert [(found.was, found.now is None) for found in updated.images][-1] == ("postgres:16", True)


@pytest.mark.parametrize(
    "kind", ["Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "ReplicationController"]
)
def test_every_kind_that_has_containers(images: Images, reference: Callable[..., str], kind: str) -> None:
    pod = {"containers": [{"image": OLD}], "initContainers": [{"image": OLD}], "ephemeralContainers": [{"image": OLD}]}
    template = {"template": {"spec": pod}}
    spec = {"Pod": pod, "CronJob": {"jobTemplate": {"spec": template}}}.get(kind, template)
    text = yaml.safe_dump({"apiVersion": "v1", "kind": kind, "spec": spec})
    assert one(text, images).after.decode() == text.replace(OLD, reference("aidb"))
    assert text.count(OLD) == 3
    listed = yaml.safe_dump(
        {"apiVersion": "v1", "kind": f"{kind}List", "items": [{"apiVersion": "v1", "kind": kind, "spec": spec}]}
    )
    assert one(listed, images).after.decode() == listed.replace(OLD, reference("aidb"))


def test_what_sealift_has_rendered_says_of_which_release_it_is(record: Record, images: Images) -> None:
    text = manifests(deployable(record, chosen_target(record, None)), pull_policy="IfNotPresent")["aidb"]
    old = text.replace("v1.2.3", "v1.2.2").replace(record.id, "earlier").replace("c" * 40, "b" * 40)
    old = old.replace(record.lot["aidb"].index, "sha256:" + "0" * 64)
    assert one(old, images).after.decode() == text
    others = old.replace("managed-by: sealift", "managed-by: helm").replace("dev.sealift.", "example.com/")
    changed = one(others, images).after.decode()
    assert {"version: v1.2.2", "release: earlier"} <= {line.split("/")[-1].strip() for line in changed.splitlines()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["- image: IMAGE  # why", "  name: a"], ["- image: IMAGE  # why", "  imagePullPolicy: Never", "  name: a"]),
        (["- image: IMAGE", ""], ["- image: IMAGE", "  imagePullPolicy: Never", ""]),
        (["- name: a", "  image: IMAGE"], ["- name: a", "  image: IMAGE", "  imagePullPolicy: Never"]),
        (["- {image: IMAGE, name: a}"], ["- {image: IMAGE, imagePullPolicy: Never, name: a}"]),
        (["- {name: a, image: 'IMAGE'}"], ["- {name: a, image: 'IMAGE', imagePullPolicy: Never}"]),
        (['- imagePullPolicy: "Always"  # x', "  image: IMAGE"], ['- imagePullPolicy: "Never"  # x', "  image: IMAGE"]),
        (["- image: postgres", "  imagePullPolicy: Always", "- image: IMAGE", "  imagePullPolicy: Never"], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_pull_policy_is_set_when_it_is_asked_for(
    images: Images, reference: Callable[..., str], before: list[str], after: list[str] | None, ends: str
) -> None:
    head = ["apiVersion: v1", "kind: Pod", "spec:", "  containers:"]

    def text(lines: list[str], image: str) -> str:
        return ends.join([*head, *(f"  {line}" if line else "" for line in lines)]).replace("IMAGE", image)

    assert one(text(before, OLD), images).after.decode() == text(before, reference("aidb"))
    updated = one(text(before, OLD), images, pull_policy="Never")
    assert updated.after.decode() == text(after or before, reference("aidb"))
    there = any("imagePullPolicy" in line for line in before)
    updated = one(text(before, OLD), images, pull_policy="Never", add_policy=False)
    assert updated.after.decode() == text((after if there else None) or before, reference("aidb"))


def test_a_pull_policy_behind_an_alias_is_left_to_its_owner(images: Images) -> None:
    text = f"apiVersion: v1\nkind: Pod\nx: &i {OLD}\nspec:\n  containers:\n  - image: *i\n"
    assert one(text, images).after.decode().count("aidb@sha256:") == 1
    assert "f.yaml:6:5: imagePullPolicy cannot be added behind an alias" in refusal(text, images, pull_policy="Never")


def test_all_problems_of_all_files_are_told_and_nothing_is_given(images: Images) -> None:
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n"
    files = {
        "a.yaml": f"{pod}  - image: ghcr.io/sealift/dcos:v1\n  - image: a\n    image: b\n  - image: [a]\n"
        "  - image: {a: b}\n",
        "b.yaml": f"{pod}  - image: '{{{{ .Values.image }}}}'\n  - image: >\n      {OLD}\n",
        "c.yaml": f"{pod}\t- image: {OLD}\n",
        "good.yaml": f"{pod}  - image: {OLD}\n",
    }
    with pytest.raises(ConfigError) as caught:
        update({name: text.encode() for name, text in files.items()}, carriers.kubernetes, images, pull_policy=None)
    lines = str(caught.value).splitlines()
    assert lines[0] == "render: 7 problems in the manifests; nothing was written"
    for line, start in zip(
        lines[1:],
        (
            "a.yaml:5:12: the release 20250120T143000Z-ccccccc-9f2c has no record of 'ghcr.io/sealift/dcos'",
            "a.yaml:7:5: image is declared twice, first on line 6",
            "a.yaml:8:12: expected an image, found a list",
            "a.yaml:9:12: expected an image, found a mapping",
            "b.yaml:5:12: '{{ .Values.image }}': a template is no YAML yet",
            "b.yaml:6:12: a block text (| or >) is not changed; write the value on one line",
            "c.yaml:5:1: not YAML: a tab where spaces must be; indent with spaces",
            "remedy: mend each line above and run again; for an image of another release name the record",
        ),
        strict=True,
    ):
        assert line.strip().startswith(start)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", "f.yaml:1: a template is no YAML yet; render the"),
        ("apiVersion: v1\nkind: Pod\nspec:\n  replicas: {{ .Values.n }}\n", "f.yaml:4:14: a template is no YAML yet"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .a }}-b\n", "f.yaml:4:17: a template is no YAML yet"),
        (b"\xff\xfe\x00", "f.yaml:1: not UTF-8; save the file as UTF-8"),
        ("a: [", "f.yaml:1:5: not YAML: while parsing a flow node, expected the node content, but found"),
        ("a: \x00", r"f.yaml:1:4: not YAML: the character '\x00' may not stand in it"),
        ("[" * 100, "f.yaml:1:66: not YAML: nested too deep"),
    ],
)  # fmt: skip
def test_what_is_no_manifest(images: Images, text: str | bytes, message: str) -> None:
    assert message in refusal(text, images)


def test_what_is_no_compose_file(images: Images) -> None:
    for text in ("services: []\n", "version: '3'\n", "- a\n"):
        assert "f.yaml:1:1: no Compose file: it has no services" in refusal(text, images, objects=carriers.compose)


def test_kustomize_would_replace_what_is_set(images: Images) -> None:
    text = (
        "kind: Kustomization\nimages:\n- name: postgres\n  newTag: '16'\n- name: ghcr.io/sealift/aidb\n  newTag: v1\n"
    )
    assert "f.yaml:5:9: Kustomize replaces ghcr.io/sealift/aidb by what stands here" in refusal(text, images)
    assert one(text.replace("ghcr.io/sealift/aidb", "redis"), images).images == ()


def test_other_yaml_beside_manifests_is_foreign(images: Images) -> None:
    assert one("image:\n  repository: ghcr.io/sealift/aidb\n", images).foreign
    assert one("", images).foreign
    assert not one("apiVersion: v1\nkind: ConfigMap\ndata: {image: ghcr.io/sealift/aidb}\n", images).foreign


def test_an_alias_of_itself_ends(images: Images, reference: Callable[..., str]) -> None:
    text = f"apiVersion: v1\nkind: Pod\nx: &x [*x]\nspec: {{containers: [{{image: {OLD}}}]}}\n"
    assert one(text, images).after.decode() == text.replace(OLD, reference("aidb"))
