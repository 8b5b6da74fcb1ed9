"""Secrets that a Dockerfile leaves in its image, in every way: the release stops, and says which, and where.

What looks like a secret is put together here, and is one of nobody.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
from pathlib import Path

import pytest

from tests.faults.outcomes import refused
from tests.scratch import Scratch

VALUE = secrets.token_urlsafe(30)
"""The build secret: nothing that a scanner knows."""


def token() -> str:
    """The outline of a personal access token of GitHub's."""
    return "ghp" + "_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(36))


def key() -> str:
    """The outline of a private key."""
    kind = "RSA PRIVATE" + " KEY"
    body = base64.encodebytes(secrets.token_bytes(900)).decode()
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n"


def written() -> str:
    """A file, a variable, and arguments that end up in a label and, with the build secret, in a variable."""
    return f"""\
FROM scratch
COPY id_rsa /app/id_rsa
ENV API_TOKEN={token()}
ARG NOTE={token()}
LABEL note=$NOTE
ARG NPM
ENV NPM=$NPM
USER 1001:1001
"""


def mounted() -> str:
    """Steps that leave what they mount; a key and the secret that are deleted later; a step that has no mount."""
    step = "RUN --mount=type=secret,id=npm,required=true"
    return f"""\
FROM python:3.11-slim-bookworm
COPY id_rsa /app/id_rsa
RUN rm /app/id_rsa; : {secrets.token_hex(4)}
{step} printf 'token=%s' $(cat /run/secrets/npm) > /srv/.npmrc
{step} base64 /run/secrets/npm > /srv/auth
{step} (head -c 3000 /dev/urandom; cat /run/secrets/npm; head -c 3000 /dev/urandom) > /usr/lib/tool.so
{step} cp /run/secrets/npm /srv/npm
RUN rm /srv/npm
RUN mkdir /srv/all; cp /run/secrets/* /srv/all/
{step} sha256sum /run/secrets/npm > /srv/sum
USER 1001:1001
"""


@pytest.fixture
def scratch(scratch: Scratch, tmp_path: Path) -> Scratch:
    (tmp_path / "npm").write_text(VALUE + "\n")
    address = scratch.env["SEALIFT_ALLOW_SECRETS"] = f"file://{tmp_path / 'npm'}"
    settings = {"boot": None, "secrets": {"npm": address}}
    for name, dockerfile in (("written", written()), ("mounted", mounted())):
        (scratch.service(name, dockerfile=dockerfile, settings=settings) / "id_rsa").write_text(key())
    scratch.services["written"]["args"] = {"NPM": VALUE}
    scratch.commit()
    return scratch


def test_each_way_to_leave_a_secret_behind(scratch: Scratch) -> None:
    said = refused(scratch, 4)
    record = scratch.record()
    found = [(violation["service"], violation["what"]) for violation in record["verdict"]["violations"]]
    layers = [int(number) for _, what in found for number in re.findall(r"layer (\d+) of", what)]
    assert [number - layers[0] for number in layers] == [0, 1, 2, 3, 5], "as in the Dockerfile, behind the base's own"
    npm = "the value of the build secret 'npm' is in the image:"
    assert sorted((service, re.sub(r"layer [0-9a-f]+( of \d+)?", "layer", what)) for service, what in found) == [
        ("mounted", "Asymmetric Private Key in /app/id_rsa, line 2, layer"),
        (
            "mounted",
            f"{npm} layer, /srv/.npmrc; layer, /srv/auth; layer, /usr/lib/tool.so; layer, /srv/npm;"
            " layer, /srv/all/npm",
        ),
        ("written", "Asymmetric Private Key in /app/id_rsa, line 2, layer"),
        ("written", "GitHub Personal Access Token in the image's configuration, API_TOKEN"),
        ("written", "GitHub Personal Access Token in the image's configuration, note"),
        ("written", f"{npm} configuration, config.Env[2]"),
    ]
    assert record["services"]["written"]["platforms"]["linux/amd64"]["secrets"] == 4
    assert VALUE not in said
    assert "remedy: remove the secret from the image and revoke it" in said
    # Nor does it pass by itself.
    done = scratch.sealift("scan", "--service", "written", "--json")
    assert done.returncode == 4, done.stderr
    (row,) = json.loads(done.stdout)
    assert [finding["id"] for finding in row["findings"]].count("build-secret") == 1
    # Nor where another runner has built it, and the one that releases is given no secret.
    parts = scratch.root.with_name("parts")
    built = scratch.sealift("build", "--partial", str(parts))
    assert built.returncode == 0, built.stderr
    assert VALUE not in (parts / "partial.json").read_text()
    del scratch.env["SEALIFT_ALLOW_SECRETS"]
    assert VALUE not in refused(scratch, 4, str(parts), command="assemble")
    again = [(violation["service"], violation["what"]) for violation in scratch.record()["verdict"]["violations"]]
    assert sorted(again) == sorted(found)
