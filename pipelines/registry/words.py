"""What a registry said when it refused, or what became of a request that it did not answer, in words."""

from __future__ import annotations

from typing import Any

import requests

READ_SECONDS = 60
_LONGEST = 300


def said(response: requests.Response) -> str:
    """A refusal in the registry's own words: the codes and messages of its JSON, or the beginning of what it wrote."""
    try:
        errors = response.json()["errors"]
        texts = [": ".join(filter(None, (str(one.get("code", "")), str(one.get("message", ""))))) for one in errors]
        text = "; ".join(texts)
    except (ValueError, LookupError, TypeError, AttributeError):
        kind = response.headers.get("Content-Type", "")
        text = "a page of HTML" if "html" in kind else " ".join(response.text.split())
    text = text or response.reason or "no reason given"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def json_of(response: requests.Response, key: str | None = None) -> Any:
    """An answer's JSON, or what it has under a key.

    :raises ValueError: it is none, or no object.
    """
    try:
        document = response.json()
    except ValueError:
        kind = response.headers.get("Content-Type", "no type")
        raise ValueError(f"the answer is no JSON but {kind}") from None
    if not isinstance(document, dict):
        raise ValueError("the answer is no JSON object")
    return document.get(key) if key else document


def lost(error: Exception) -> str:
    """What happened to a request that had no answer, in the words that `meaning` knows."""
    text = str(error)
    found = next((words for marks, words in _LOST if any(mark in text for mark in marks)), None)
    if isinstance(error, requests.Timeout):
        found = f"timeout: no answer within {READ_SECONDS} s"
    if isinstance(error, requests.ConnectionError) and found is None:
        found = "connection lost"
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return found or short or type(error).__name__


_LOST = (
    (("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"), "its certificate is not trusted"),
    (("WRONG_VERSION_NUMBER", "record layer failure", "UNEXPECTED_EOF"), "it does not speak TLS, but plain HTTP"),
    (("ProxyError", "Cannot connect to proxy", "Tunnel connection failed"), "the proxy does not let through"),
    (("NameResolutionError", "Name or service not known"), "no such host"),
    (("Connection refused",), "connection refused"),
    (("Network is unreachable", "No route to host"), "network is unreachable"),
    (("Connection reset", "RemoteDisconnected", "Connection aborted", "IncompleteRead"), "connection reset"),
    (("timed out",), "timeout"),
)


def seconds(text: str | None) -> float | None:
    """Seconds of a Retry-After; None if there is none, or it is a date."""
    return float(text) if text and text.isdigit() else None
