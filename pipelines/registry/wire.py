"""Requests to one registry, over python-dxf: logins by Basic and by token, time limits, and refusals.

python-dxf speaks the distribution protocol: it answers challenges, with a token for each repository and a fresh one
when it has expired, and sends blobs. What is here is how this project wants to be told of failures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import www_authenticate
from dxf import DXF
from dxf.exceptions import DXFUnauthorizedError

from pipelines.errors import RegistryError
from pipelines.model import Digest
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.auth import Login
from pipelines.registry.kind import Kind
from pipelines.registry.kinds import kind_of
from pipelines.registry.words import READ_SECONDS, json_of, lost, said, seconds

CONNECT_SECONDS = 10


class Wire(DXF):
    """One repository of a registry. Safe for use by several threads. Its methods raise RegistryError only.

    :param host: of the registry's API.
    :param name: the registry's own name, for messages.
    """

    def __init__(
        self,
        host: str,
        repository: str,
        *,
        name: str,
        login: Login | None,
        insecure: bool,
        session: requests.Session,
        verify: str | bool,
    ) -> None:
        super().__init__(host, repository, insecure=insecure, tlsverify=verify, auth=_authenticate)
        self._timeout = (CONNECT_SECONDS, READ_SECONDS)  # type: ignore[assignment]
        self._sessions = [session]
        # Of what is not in a repository dxf would ask for a token for the whole catalog, which few may have.
        self._repo = repository or "/"
        self.name = name
        self.login = login
        self.objection = ""
        self._known = False
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        """One request, below the repository's path.

        :raises RegistryError: what it means that the registry refused, or did not answer.
        """
        with self._told(method, path):
            return cast(requests.Response, self._request(method, path, **given))  # type: ignore[no-untyped-call]

    def ping(self) -> None:
        """Ask for the API itself.

        :raises RegistryError: as `ask`.
        """
        with self._told("get", "/v2/"):
            json_of(self._base_request("get", ""))

    def put_blob(self, digest: Digest, data: bytes) -> None:
        """Send a small blob, unless it is there.

        :raises RegistryError: as `ask`.
        """
        with self._told("put", "blobs"):
            # In one piece: not every registry takes a body of unknown length.
            self.push_blob(data=cast(Any, data), digest=digest)

    def pages(self, path: str, key: str, *, of_registry: bool = False) -> Iterator[Any]:
        """The items of a list, page after page.

        :param key: of the list in the answer.
        :raises RegistryError: as `ask`; or the answer is no such list.
        """
        ask: Callable[..., requests.Response] = self._base_request if of_registry else self._request
        next_path: str | None = path
        seen: set[str] = set()
        while next_path and next_path not in seen:
            seen.add(next_path)
            with self._told("get", path):
                answer = ask("get", next_path)
                yield from json_of(answer, key) or []
                next_path = answer.links.get("next", {}).get("url")

    def _base_request(self, method: str, path: str, **given: Any) -> requests.Response:
        # Until the first answer one after the other: dxf compares what it logged in with before and after a refusal,
        # and of two threads that log in at once the second would find nothing new.
        with nullcontext() if self._known else self._lock:
            try:
                answer = super()._base_request(method, path, **given)  # type: ignore[no-untyped-call]
            except DXFUnauthorizedError:
                if not self._known:
                    raise
                answer = super()._base_request(method, path, **given)  # type: ignore[no-untyped-call]
            self._known = True
            return answer  # type: ignore[no-any-return]

    @contextmanager
    def _told(self, method: str, path: str) -> Iterator[None]:
        try:
            yield
        except DXFUnauthorizedError as error:
            raise self._refused(method, path, self.objection or "login required", 401) from error
        except requests.HTTPError as error:
            assert error.response is not None  # noqa: S101 - raise_for_status gives it
            status = error.response.status_code
            failure = self._refused(method, path, said(error.response), status)
            failure.after = seconds(error.response.headers.get("Retry-After"))
            raise failure from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._lost(error) from error

    def _refused(self, method: str, path: str, text: str, status: int) -> RegistryError:
        what = f"{self.name}: {method.upper()} {path}: {text} [http {status}]"
        found = meaning(what)
        if status == 405 and method == "delete":
            found = Meaning.NO_DELETE
        kind = kind_of(self.name)
        return RegistryError(what, remedy=kind.advice(found, text))

    def _lost(self, error: Exception) -> RegistryError:
        what = f"{self.name}: {lost(error)}"
        return RegistryError(what, remedy=meaning(what).value)

    @property
    def kind(self) -> Kind:
        """What kind of registry it is."""
        return kind_of(self.name)


def _authenticate(dxf: Any, response: requests.Response) -> None:
    """Answer a challenge. dxf refuses to do so over plain HTTP; where the user asked for that, it is done."""
    wire: Wire = dxf
    wire.objection = said(response)
    challenge = www_authenticate.parse(response.headers.get("www-authenticate", ""))
    login = wire.login
    realm = challenge["bearer"].get("realm", "") if "bearer" in challenge else ""
    if not realm and (login is None or "basic" not in challenge):
        return
    # The registry itself, where the user asked for plain HTTP, hears nothing more by its tokens.
    own = wire._insecure and urlsplit(realm).netloc == wire._host
    if realm and not realm.startswith("https://") and not own:
        raise ValueError(f"its token server, {realm}, is not spoken to: tokens and logins go over https only")
    insecure, wire._insecure = wire._insecure, False
    try:
        name, password = (login.username, login.password) if login else (None, None)
        wire.authenticate(name, password, response=response, user_agent="sealift")
    finally:
        wire._insecure = insecure
