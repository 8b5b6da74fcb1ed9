"""What a registry's refusal means: told by the HTTP status or the network's error, in the words of regctl, of
Cosign and of `pipelines.registry.wire`.
"""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """What an answer means; the value is what to do about it."""

    UNAUTHORIZED = "log in: set DOCKER_USERNAME and DOCKER_PASSWORD, or run 'docker login' for this registry"
    FORBIDDEN = "ask for write permission to this repository, or log in as somebody who has it"
    NOT_FOUND = "check the name and that it was published"
    READ_ONLY = "the registry takes no writes: end its read-only mode, or name a registry that can be pushed to"
    NO_DELETE = (
        "this registry does not delete over its API: turn that on (CNCF Distribution: storage.delete.enabled: true),"
        " or delete at its own console"
    )
    FULL = "free space at the registry, or raise its quota, and run the command again; what is there is not sent twice"
    UPLOAD_LOST = "the registry forgot an upload in the middle of it: its log says whether it is full or was restarted"
    BUSY = "the registry is in trouble or asks to wait: wait a few minutes and run the command again"
    NO_REGISTRY = "what answers is no registry, or a log-in page of the network: check the address and the proxy"
    UNTRUSTED = (
        "let REQUESTS_CA_BUNDLE and SSL_CERT_FILE name its authority's certificate, or install that in the system"
    )
    PLAIN_HTTP = "set 'insecure: true' for this registry in sealift.yaml, or give it TLS"
    UNREACHABLE = "check the registry's address and that it runs; for the local one run 'sealift up'"
    INVALID = "the registry does not take this request; its own message is above"
    OTHER = "the registry's own message is above; run the command again when it is mended"


_STATUS = {
    400: Meaning.INVALID,
    401: Meaning.UNAUTHORIZED,
    403: Meaning.FORBIDDEN,
    404: Meaning.NOT_FOUND,
    405: Meaning.READ_ONLY,
    408: Meaning.BUSY,
    429: Meaning.BUSY,
    507: Meaning.FULL,
}

# regctl writes "[http 403]", Cosign "unexpected status code 403 Forbidden". A number alone may be part of a port or a
# digest.
_STATUS_TEXT = re.compile(r"\bhttp (\d{3})\b|\bstatus code (\d{3})\b")
_FULL = re.compile(r"no space left|quota exceeded|disk full")
# An upload that was begun is not there any more: of a full registry, this is sometimes all that is seen.
_UPLOAD_LOST = re.compile(r"failed to send blob \((chunk|put)\).*\bhttp 404\b")
_WORDS = (
    (Meaning.UNTRUSTED, re.compile(r"certificate is not trusted|x509:|certificate signed by unknown authority")),
    (Meaning.PLAIN_HTTP, re.compile(r"does not speak tls")),
    (
        Meaning.NO_REGISTRY,
        re.compile(r"answer is no json|text/html|invalid character '<'|http response to https client"),
    ),
    (
        Meaning.UNREACHABLE,
        # The engine's tunnel takes a connection before it knows that nobody listens at its other end, and drops it
        # then: what a client calls that depends on what it was doing.
        re.compile(
            r"connection refused|no such host|timeout|lookup|\": eof|network is unreachable|the proxy"
            r"|connection reset|broken pipe|closed idle connection"
        ),
    ),
    (Meaning.UNAUTHORIZED, re.compile(r"\bunauthorized\b|empty challenge header")),
    (Meaning.FORBIDDEN, re.compile(r"\bforbidden\b|\bdenied\b")),
    (Meaning.NOT_FOUND, re.compile(r"\bnot found\b|\bmanifest[_ ]unknown\b|\bname[_ ]unknown\b")),
    # What regctl says when it was told to wait, with Retry-After, once too often.
    (Meaning.BUSY, re.compile(r"\btoo ?many ?requests\b|retry limit exceeded|no final answer")),
)

# Answers that stay the same however often one asks.
_FINAL = frozenset(
    {
        Meaning.INVALID,
        Meaning.UNAUTHORIZED,
        Meaning.FORBIDDEN,
        Meaning.NOT_FOUND,
        Meaning.READ_ONLY,
        Meaning.FULL,
        Meaning.NO_REGISTRY,
        Meaning.UNTRUSTED,
        Meaning.PLAIN_HTTP,
    }
)


def meaning(message: str) -> Meaning:
    """What a tool's message about a registry means. A status says more than the words that stand around it."""
    text = message.lower()
    if _FULL.search(text):
        return Meaning.FULL
    if _UPLOAD_LOST.search(text):
        return Meaning.UPLOAD_LOST
    found = _STATUS_TEXT.search(text)
    if found:
        status = int(found[1] or found[2])
        return _STATUS.get(status, Meaning.BUSY if status >= 500 else Meaning.OTHER)
    return next((kind for kind, words in _WORDS if words.search(text)), Meaning.OTHER)


def final(message: str) -> bool:
    """Whether asking again is of no use."""
    return meaning(message) in _FINAL or "no such host" in message.lower()


def remedy(message: str) -> str:
    """What to do about a registry's refusal."""
    return meaning(message).value
