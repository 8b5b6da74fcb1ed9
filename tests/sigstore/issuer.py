"""An OpenID issuer of tokens as GitHub Actions gives them to a job.

The claims are those of GitHub's documentation ("OpenID Connect reference", of GitHub Actions); how a job asks is
`ACTIONS_ID_TOKEN_REQUEST_URL`, with `&audience=` behind it, and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` as bearer.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.faults.serving import JsonHandler, serving

REPOSITORY = "acme/shop"
REF = "refs/tags/v1.0.0"
SHA = "a1b2c3d4" * 5
WORKFLOW = ".github/workflows/release.yml"

LIFETIME = 300
"""Seconds from when GitHub gives a token to when it expires."""

ENTERPRISE = "enterprise"
"""A second issuer, below the first one's address, as GitHub's enterprises can have one of their own."""

_DISCOVERY = "/.well-known/openid-configuration"
_KEYS = "/.well-known/jwks"
_REQUEST = "/idtoken"


def claims_of(repository: str = REPOSITORY, ref: str = REF, sha: str = SHA, **others: object) -> dict[str, object]:
    """What a token says of a job, without who says it and when; `others` come before all that follows from these."""
    owner, workflow = repository.partition("/")[0], f"{repository}/{WORKFLOW}@{ref}"
    return {
        "sub": f"repo:{repository}:ref:{ref}",
        "aud": "sigstore",
        "repository": repository, "repository_id": "74", "repository_owner": owner, "repository_owner_id": "65",
        "repository_visibility": "public", "ref": ref, "ref_protected": "true", "sha": sha,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "workflow": "release", "workflow_ref": workflow, "workflow_sha": sha,
        "job_workflow_ref": workflow, "job_workflow_sha": sha,
        "event_name": "push", "head_ref": "", "base_ref": "", "actor": "octocat", "actor_id": "12",
        "run_id": "30433642", "run_number": "10", "run_attempt": "1", "runner_environment": "github-hosted",
        **others,
    }  # fmt: skip


class Issuer(ThreadingHTTPServer):
    """:ivar job: what tokens that a job asks for say, over `claims_of` without arguments.

    :ivar seconds: how long these live; less than 0 is in the past.
    :ivar asked: audiences of the tokens that jobs have been given, and when that was, in seconds since the epoch.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.job: dict[str, str] = {}
        self.seconds = LIFETIME
        self.asked: list[tuple[str, float]] = []
        self.bearer = secrets.token_urlsafe(32)

    @property
    def address(self) -> str:
        return f"localhost:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def enterprise(self) -> str:
        return f"{self.url}/{ENTERPRISE}"

    def token(self, *, seconds: int = LIFETIME, **claims: object) -> str:
        """A token for a job with these claims, which are `claims_of`'s arguments, or any others.

        :param seconds: from now to when it expires.
        """
        now = int(time.time())
        # GitHub's are valid from ten minutes before they are given, by its documentation's example.
        expiry = now + seconds
        times = {"iat": expiry - LIFETIME, "nbf": expiry - LIFETIME - 600, "exp": expiry, "jti": secrets.token_hex(8)}
        said = claims_of(**{"iss": self.url, **times, **claims})  # type: ignore[arg-type]
        return jwt.encode(said, self._key, algorithm="RS256", headers={"kid": "1"})

    def environment(self, address: str | None = None) -> dict[str, str]:
        """The variables by which a job asks for its token.

        :param address: `host:port` of a relay in front of this, if there is one.
        """
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://{address or self.address}{_REQUEST}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.bearer,
        }

    def document(self, issuer: str) -> dict[str, object]:
        """OpenID Connect Discovery 1.0, as far as GitHub has it."""
        return {
            "issuer": issuer,
            "jwks_uri": f"{self.url}{_KEYS}",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": sorted(claims_of()),
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }

    def keys(self) -> dict[str, object]:
        """Its public key, as JSON Web Key Set."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "1", "alg": "RS256", "use": "sig"}]}


class _Handler(JsonHandler):
    server: Issuer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == _REQUEST:
            self._give(parse_qs(url.query).get("audience", [self.server.url])[0])
        elif url.path == _KEYS:
            self.say(200, self.server.keys())
        elif url.path in {_DISCOVERY, f"/{ENTERPRISE}{_DISCOVERY}"}:
            self.say(200, self.server.document(self.server.url + url.path.removesuffix(_DISCOVERY)))
        else:
            self.say(404, {"message": "no such path"})

    def _give(self, audience: str) -> None:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        # In whatever case: Cosign writes it small (RFC 9110, 11.1).
        if scheme.lower() != "bearer" or not secrets.compare_digest(given, self.server.bearer):
            self.say(401, {"message": "the bearer token is not the job's"})
            return
        self.server.asked.append((audience, time.time()))
        token = self.server.token(**{"seconds": self.server.seconds, "aud": audience, **self.server.job})  # type: ignore[arg-type]
        self.say(200, {"count": len(token), "value": token})


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer that answers, until the block ends."""
    with serving(Issuer()) as made:
        yield made
