from __future__ import annotations

import pytest

from pipelines.dockerfile_hazards import hazards, host_flags, unclear_caches, unverified_downloads

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "step",
    [
        "RUN --network=host true",
        "run --mount=type=tmpfs,target=/x --network=host true",
        "RUN --net\\\nwork=host true",
        "RUN --net\\ \t\r\nwork=host true",
        "RUN --net\\\n# a comment\n\n  \nwork=host true",
        "RUN --net`\nwork=host true",
        "RUN --net'work'=\"host\" true",
        "RUN --ne\\twork=host true",
        "ONBUILD RUN --network=host true",
        "RUN echo ' <<EOF'\nRUN --network=host true\nEOF",
    ],
)
def test_a_step_on_the_hosts_network_is_seen_however_it_is_written(step: str) -> None:
    assert host_flags(f"FROM alpine\n{step}\n") == ["--network=host"]


def test_flags_that_leave_a_step_where_it_is() -> None:
    steps = "RUN --network=none a\nRUN --network=default b\n# RUN --network=host c\nRUN --mount=type=cache,target=/x d"
    assert host_flags(f"FROM alpine\n{steps}\n") == []
    assert host_flags("FROM alpine\nRUN --security=insecure true\n") == ["--security=insecure"]


@pytest.mark.parametrize(
    ("step", "source"),
    [
        ("ADD http://127.0.0.1/x /x", "http://127.0.0.1/x"),
        ("add --chown=1:1 HTTPS://example.com/x.tar /", "HTTPS://example.com/x.tar"),
        ("ONBUILD ADD http://a/x /x", "http://a/x"),
        ("ADD a b http://a/x /d/", "http://a/x"),
        ('ADD ["http://a/x", "/x"]', "http://a/x"),
        ('ADD ["\\u0068ttp://a/x", "/x"]', "http://a/x"),
        ("ADD ht\\\ntp://a/x /x", "http://a/x"),
        ('ADD "http"://a/x /x', "http://a/x"),
        ("ADD $URL /x", "$URL"),
        ("ADD ht${TP}a/x /x", "ht${TP}a/x"),
        ("ADD https://example.com/${FILE} /x", "https://example.com/${FILE}"),
        ("ADD https://example.com/a.git#main /x", "https://example.com/a.git#main"),
        ("RUN <<EOF\nADD http://a/x /x\nEOF", "http://a/x"),
    ],
)
def test_a_download_that_may_be_anything_is_seen_however_it_is_written(step: str, source: str) -> None:
    assert unverified_downloads(f"FROM alpine\n{step}\n") == [source]


@pytest.mark.parametrize(
    "step",
    [
        f"ADD --checksum=sha256:{'0' * 64} https://example.com/x /x",
        f"ADD --chown=1:1 --checksum=sha256:{'0' * 64} $URL /x",
        f"ADD https://example.com/a.git#{COMMIT} /x",
        f"ADD https://example.com/a.git#{COMMIT}:docs /x",
        "ADD app-$VERSION.tar.gz ./more/$B /",
        "ADD httpd.conf /etc/",
        "COPY $WHERE /x",
        "# ADD http://a/x /x",
        "RUN echo ADD http://a/x /x",
    ],
)
def test_what_is_added_and_known(step: str) -> None:
    assert unverified_downloads(f"FROM alpine\n{step}\n") == []


@pytest.mark.parametrize(
    "mount",
    [
        "--mo\\\nunt=type=cache,target=/c",
        "--mount=type=cache,target=/\\\nc",
        "--mount=ty\\pe=cache,target=/c",
        "--mount=type='cache',target=/c",
        '--mount=type=cache,"id=a",target=/c',
        "--mount=type=$KIND,target=/c",
    ],
)
def test_a_cache_mount_that_would_keep_its_name_is_refused(mount: str) -> None:
    assert unclear_caches(f"FROM alpine\nARG KIND=cache\nRUN {mount} true\n")
    (problem,) = hazards(f"FROM alpine\nRUN {mount} true\n")
    assert problem.startswith("has a cache mount that is written in a way that is not understood")


@pytest.mark.parametrize(
    "step",
    [
        "RUN --mount=type=cache,id=a-$TARGETARCH,target=/c --mount=type=bind,target=/b,from=$BASE true",
        "RUN --mount='type=cache,target=/c' true",
        "RUN --mount=type=cache,target=/c \\\n  --mount=type=cache,target=/d \\\n  true",
        'RUN docker run --mount type=bind,source="$PWD",target=/x a',
        "# RUN --mount=type='cache'",
    ],
)
def test_mounts_that_are_understood(step: str) -> None:
    assert not unclear_caches(f"FROM alpine\n{step}\n")
