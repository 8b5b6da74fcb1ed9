"""HTTP sessions as this project wants them, for registries and for the token services of clouds."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import requests

from pipelines.registry.concurrent import still_wanted

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def authorities(environ: Mapping[str, str]) -> str | bool:
    """The file of certificate authorities: a variable's, else the system's; True for those that requests brings."""
    given = next((environ[name] for name in _CA_VARIABLES if environ.get(name)), None)
    return given or ssl.get_default_verify_paths().cafile or True


def new_session(*, direct: bool, plain: str | None = None) -> requests.Session:
    """A session that keeps connections, but neither cookies nor logins of its own.

    :param direct: past every proxy.
    :param plain: host that is spoken to in plain HTTP only.
    """
    session = _Session(plain)
    session.trust_env = not direct
    # Else requests looks into ~/.netrc, and its finding replaces a token.
    session.auth = lambda request: request
    session.cookies.set_policy(_NoCookies())
    session.headers["User-Agent"] = "sealift"
    return session


class _Session(requests.Session):
    """Sends nothing for whom has stopped waiting, and acts on that: no tag may move afterwards."""

    def __init__(self, plain: str | None) -> None:
        super().__init__()
        self._plain = plain

    def get(self, url: str | bytes, **given: Any) -> requests.Response:  # type: ignore[override]
        # dxf asks for every token over https.
        own = f"https://{self._plain}/"
        if self._plain and isinstance(url, str) and url.startswith(own):
            url = f"http://{self._plain}/{url.removeprefix(own)}"
        return super().get(url, **given)

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        still_wanted()
        return super().send(request, **given)


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    """A cookie makes some registries take us for a browser."""

    def set_ok(self, *_: object) -> bool:
        return False
