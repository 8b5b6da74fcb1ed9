"""Asks an engine behind TLS for a sign of life, and says what is wrong: the Dagger client only says that it failed."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import parse_qs, urlsplit

from pipelines.errors import EngineError

_SECONDS = 10
_EXPIRED, _NOT_YET, _NAME, _ADDRESS = 10, 9, 62, 64
"""X509_V_ERR_CERT_HAS_EXPIRED, _CERT_NOT_YET_VALID, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH (OpenSSL: x509_vfy.h)."""
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""A client's connection preface and empty settings (RFC 9113, 3.4). The engine speaks gRPC, and answers."""


def check_handshake(address: str) -> None:
    """Greet the engine at `tls://host:port?ca_path=…&cert_path=…&key_path=…` (Dagger 0.21.8: drivers/tls.go).

    :raises EngineError: nobody answers, one end does not accept the other, or no engine is behind the proxy.
    """
    parts = urlsplit(address)
    place, host = f"{parts.scheme}://{parts.netloc}", parts.hostname or ""
    files = {name: values[0] for name, values in parse_qs(parts.query).items()}
    context = _context(place, files)
    try:
        raw = socket.create_connection((host, parts.port or 443), timeout=_SECONDS)
    except OSError as error:
        raise _error(
            f"no Dagger engine answers at {place}: {error}", "start its proxy, or mend the address or a firewall"
        ) from error
    with raw:
        try:
            with context.wrap_socket(raw, server_hostname=host) as client:
                _greet(place, files.get("cert_path"), client)
        except ssl.SSLCertVerificationError as error:
            raise _their_certificate(place, host, files.get("ca_path"), error) from error
        except OSError as error:
            raise _error(
                f"no TLS 1.3 with {place}: {getattr(error, 'reason', None) or error}",
                "name the port of the engine's proxy, and let it take TLS 1.3; its log says more",
            ) from error


def _context(place: str, files: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.get("ca_path"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if "cert_path" in files:
            # An encrypted key must not ask on the terminal.
            context.load_cert_chain(files["cert_path"], files.get("key_path"), password=str)
    except OSError as error:
        raise _error(f"the files for {place} cannot be used: {error}", "mend them, or name others") from error
    return context


def _greet(place: str, ours: str | None, client: ssl.SSLSocket) -> None:
    # With TLS 1.3 a server says only now what it thinks of the client's certificate.
    try:
        client.sendall(_HELLO)
        if client.recv(1):
            return
    except ssl.SSLError as error:
        raise _error(
            f"{place} refuses this client's certificate, {ours or 'for it has none'}: {error.reason or error}",
            "let the proxy's checkHost name this certificate, or use one that its CAfile signed; its log says which",
        ) from error
    except OSError:
        pass
    raise _error(
        f"the proxy at {place} answers, but no engine does behind it",
        "start the engine there; the proxy's `connect` must be its socket",
    )


def _their_certificate(place: str, host: str, ca: str | None, error: ssl.SSLCertVerificationError) -> EngineError:
    who = f"the certificate of {place}"
    if error.verify_code in {_EXPIRED, _NOT_YET}:
        return _error(
            f"{who} is not accepted: {error.verify_message}", "renew it on the engine's machine, or mend a clock"
        )
    if error.verify_code in {_NAME, _ADDRESS}:
        return _error(
            f"{who} is not for {host}: {error.verify_message}",
            "name the engine as its certificate does, or give it one with that name as subjectAltName",
        )
    return _error(
        f"{who} was not signed by an authority in {ca or 'the system'}: {error.verify_message}",
        "give the authority that signed it with --engine-ca FILE",
    )


def _error(what: str, remedy: str) -> EngineError:
    return EngineError(what, remedy=remedy, step="engine")
