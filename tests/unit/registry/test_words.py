from __future__ import annotations

import pytest
import requests

from pipelines.registry.answers import Meaning, final, meaning
from pipelines.registry.words import json_of, lost, said, seconds


def answer(body: str, *, kind: str = "application/json", status: int = 403) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content, made.reason = status, body.encode(), "Forbidden"
    made.headers["Content-Type"] = kind
    return made


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ('{"errors":[{"code":"DENIED","message":"no"}]}', "application/json", "DENIED: no"),
        ('{"errors":[{"code":"A","message":"b"},{"code":"C"}]}', "application/json", "A: b; C"),
        ('{"errors":[]}', "application/json", "Forbidden"),
        ('{"errors":null}', "application/json", '{"errors":null}'),
        ('["a"]', "application/json", '["a"]'),
        ("<html>log in</html>", "text/html; charset=utf-8", "a page of HTML"),
        ("upstream\n  is down", "text/plain", "upstream is down"),
        ("", "text/plain", "Forbidden"),
        ("x" * 1000, "text/plain", "x" * 300 + " …"),
    ],
)
def test_a_refusal_in_the_registrys_own_words(body: str, kind: str, text: str) -> None:
    assert said(answer(body, kind=kind)) == text


@pytest.mark.parametrize(
    ("error", "found", "is_final"),
    [
        (requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
         Meaning.UNTRUSTED, True),
        (requests.exceptions.SSLError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), Meaning.PLAIN_HTTP, True),
        (requests.exceptions.SSLError("[SSL] record layer failure"), Meaning.PLAIN_HTTP, True),
        (requests.ConnectionError("NameResolutionError(... Name or service not known)"), Meaning.UNREACHABLE, True),
        (requests.ConnectionError("[Errno 111] Connection refused"), Meaning.UNREACHABLE, False),
        (requests.exceptions.ProxyError("Cannot connect to proxy."), Meaning.UNREACHABLE, False),
        (requests.ReadTimeout("read timed out"), Meaning.UNREACHABLE, False),
        (requests.ConnectionError("('Connection aborted.', RemoteDisconnected())"), Meaning.UNREACHABLE, False),
        (ValueError("the answer is no JSON but text/html"), Meaning.NO_REGISTRY, True),
    ],
)  # fmt: skip
def test_what_became_of_a_request_without_an_answer(error: Exception, found: Meaning, is_final: bool) -> None:
    what = f"ghcr.io: {lost(error)}"
    assert (meaning(what), final(what)) == (found, is_final)


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5.0), (None, None), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_seconds_to_wait(text: str | None, value: float | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("body", ["<html>", "[1]", "1", ""])
def test_an_answer_that_is_no_object(body: str) -> None:
    with pytest.raises(ValueError, match="the answer is no JSON"):
        json_of(answer(body))
