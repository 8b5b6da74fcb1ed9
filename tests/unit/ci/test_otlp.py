from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from ci.otlp import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def post(url: str, body: bytes, **headers: str) -> int:
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def test_requests_are_kept_as_they_came_and_compressed_ones_as_they_were(receiver: Receiver) -> None:
    assert post(receiver.endpoint, b"one") == 200
    assert post(receiver.endpoint, gzip.compress(b"two"), **{"Content-Encoding": "gzip"}) == 200
    assert receiver.requests == [b"one", b"two"]


def test_it_listens_on_loopback_under_a_path_that_nobody_guesses(receiver: Receiver) -> None:
    parts = urlsplit(receiver.endpoint)
    assert parts.hostname == "127.0.0.1"
    assert post(f"http://{parts.netloc}/v1/traces", b"x") == 404
    other = Receiver()
    assert urlsplit(other.endpoint).path != parts.path
    other.close()
    assert receiver.requests == []


def test_what_is_no_export_request_is_refused(receiver: Receiver) -> None:
    assert post(receiver.endpoint, b"no gzip", **{"Content-Encoding": "gzip"}) == 400
    assert post(receiver.endpoint, gzip.compress(b"half")[:-9], **{"Content-Encoding": "gzip"}) == 400
    assert httpx.get(receiver.endpoint, trust_env=False).status_code == 501
    with socket.create_connection((urlsplit(receiver.endpoint).hostname, urlsplit(receiver.endpoint).port)) as client:
        client.sendall(f"POST {receiver.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert receiver.requests == []


def test_after_its_end_nobody_answers_there() -> None:
    receiver = Receiver()
    receiver.close()
    with pytest.raises(httpx.ConnectError):
        post(receiver.endpoint, b"late")


def test_nothing_is_said_on_standard_error(receiver: Receiver, capfd: pytest.CaptureFixture[str]) -> None:
    post(receiver.endpoint, b"x")
    assert capfd.readouterr().err == ""
