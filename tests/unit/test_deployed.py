"""What files name: by digest, by tag, not at all, and not to be understood."""

from __future__ import annotations

import json

import pytest

from pipelines.deployed import Ours, deployed
from pipelines.errors import ConfigError
from pipelines.model import Digest

ONE, TWO, FOREIGN = (Digest(f"sha256:{letter * 64}") for letter in "abc")
OURS = Ours(
    repositories={"ghcr.io/shop/api": {"v1": ONE, "latest": TWO}, "ghcr.io/shop/web": {}},
    names=frozenset({"api", "web", "shop/api", "shop/web"}),
    digests=frozenset({ONE, TWO}),
)


def read(text: str | bytes) -> dict[str, str]:
    return dict(deployed([("f.yaml", text)], OURS))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"spec:\n  containers:\n  - image: ghcr.io/shop/api@{ONE}\n", {ONE: "f.yaml:3"}),
        (f"a: 1\n---\nimage: ghcr.io/shop/api:v1@{TWO}\n", {TWO: "f.yaml:3"}),
        ("services:\n  api:\n    image: ghcr.io/shop/api:v1\n", {ONE: "f.yaml:3"}),
        ("services: {api: {image: ghcr.io/shop/api}}", {TWO: "f.yaml:1"}),
        # Helm's values, and Kustomize's images.
        ("image:\n  repository: ghcr.io/shop/api\n  tag: v1\n", {ONE: "f.yaml:3"}),
        ("image: {registry: ghcr.io, repository: shop/api, tag: v1}", {ONE: "f.yaml:1"}),
        ("images:\n- name: api\n  newName: ghcr.io/shop/api\n  newTag: v1\n", {ONE: "f.yaml:4"}),
        (f"images:\n- name: api\n  digest: {ONE}\n", {ONE: "f.yaml:3"}),
        # What a cluster says that runs.
        (f"status:\n  imageID: docker-pullable://ghcr.io/shop/api@{ONE}\n", {ONE: "f.yaml:2"}),
        (f"data:\n  text: 'see {ONE} and {TWO}'\n", {ONE: "f.yaml:2", TWO: "f.yaml:2"}),
        # An alias is one node, however often it stands there.
        (f"a: &x {{image: ghcr.io/shop/api@{ONE}}}\nb: *x\nc: [*x, *x]\n", {ONE: "f.yaml:1"}),
        (json.dumps({"services": {"api": {"index": ONE}}}), {ONE: "f.yaml:1"}),
        # Of others, the digests do no harm, and tags need not be looked up.
        (
            f"a: {{image: 'redis:7'}}\nb: {{image: 'x@{FOREIGN}'}}\nc: {{image: 'ghcr.io/shop/api:v1'}}",
            {FOREIGN: "f.yaml:2", ONE: "f.yaml:3"},
        ),
        (f"---\nimage: ghcr.io/shop/api@{ONE}\n---\n", {ONE: "f.yaml:2"}),
    ],
)  # fmt: skip
def test_what_is_named_is_found_with_its_line(text: str, found: dict[str, str]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml:1: is empty"),
        ("---\n---\n", "f.yaml:1: is empty"),
        ("hello", "f.yaml:1: is a text"),
        ("a: [", "is neither YAML nor JSON"),
        ("{{ include }}", "f.yaml:1: is a template"),
        (f"a: {ONE}\nimage: {{{{ .Values.image }}}}", "f.yaml:2: is a template"),
        (b"\x00\xff\xfe", "is neither YAML nor JSON"),
        (b"\x89PNG\r\n\x1a\n\x00", "is neither YAML nor JSON"),
        ("a: 1", "f.yaml:1: names none of the images that are looked at"),
        ("image: redis:7", "f.yaml:1: names none of the images"),
        (f"image: redis@{FOREIGN}", "f.yaml:1: names none of the images"),
        ("image: ghcr.io/shop/api:v2", "f.yaml:1: 'ghcr.io/shop/api:v2': there is no such tag"),
        ("image: ghcr.io/shop/web", "f.yaml:1: 'ghcr.io/shop/web': there is no such tag"),
        ("a: 1\nimage: eu.example.com/shop/api:v1", "f.yaml:2: 'eu.example.com/shop/api:v1' is at another registry"),
        ("image: api", "f.yaml:1: 'api' is at another registry"),
        ("image: ghcr.io/shop/api:${TAG}", "f.yaml:1: 'ghcr.io/shop/api:${TAG}' is filled in later"),
        ("image: '{{ .Values.image }}'", "is filled in later"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_an_error(text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert said in caught.value.what


def test_all_that_is_wrong_is_told_at_once() -> None:
    files = [("a.yaml", "image: ghcr.io/shop/api:v8\nb: {image: 'ghcr.io/shop/api:v9'}"), ("b.yaml", "[")]
    with pytest.raises(ConfigError) as caught:
        deployed(files, OURS)
    assert [text in caught.value.what for text in ("v8", "v9", "a.yaml:1", "a.yaml:2", "b.yaml")] == [True] * 5


def test_the_first_place_is_the_one_that_is_told() -> None:
    files = [("a.yaml", f"image: ghcr.io/shop/api@{ONE}"), ("b.yaml", f"image: ghcr.io/shop/api@{ONE}")]
    assert deployed(files, OURS) == {ONE: "a.yaml:1"}


def test_no_file_names_nothing() -> None:
    assert deployed([], OURS) == {}
