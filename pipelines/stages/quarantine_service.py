"""The quarantine: a registry on a volume of the engine's, as a service behind a login that only this run has.

Build steps, and images while they are tried, are on the engine's network with it. They may find its address; without
the login it gives, takes and deletes nothing.
"""

from __future__ import annotations

import secrets

import bcrypt
import dagger

from pipelines.registry.auth import Login

PORT = 5081
"""Not that of any registry on the user's own loopback: the engine keeps one login for each address."""

_CONFIG = "/sealift/registry.yml"
_HTPASSWD = "/run/sealift/htpasswd"
# The blob cache is off: another run on the same engine writes to the same volume.
_REGISTRY = f"""\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: /var/lib/registry}}
  delete: {{enabled: true}}
auth:
  htpasswd: {{realm: quarantine, path: {_HTPASSWD}}}
http: {{addr: ":{PORT}"}}
"""
_ROUNDS = 4
"""The fewest that bcrypt has: nobody guesses 256 random bits, and each request pays for them."""


def new_login(run: str) -> Login:
    """A login that nobody has had before."""
    return Login(username=run, password=secrets.token_urlsafe(32))


def own_volume(client: dagger.Client, name: str) -> dagger.CacheVolume:
    """A cache volume that no Dockerfile can mount.

    What `RUN --mount=type=cache,id=NAME` mounts, the engine finds by its name; a volume that has an owner as well is
    another one (Dagger 0.21.8: core/schema/cache.go, util/llbtodagger/exec.go).
    """
    return client.cache_volume(name, owner="0:0")


def quarantine_volume(client: dagger.Client, project: str) -> dagger.CacheVolume:
    """Where a project's quarantine keeps what it holds, from run to run."""
    return own_volume(client, f"sealift-quarantine-{project}")


def quarantine_service(client: dagger.Client, image: str, project: str, login: Login) -> dagger.Service:
    """The registry, of CNCF Distribution's image.

    Its secret has the same name in every run, by which the engine knows it: what was asked of it is found again.
    """
    hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(_ROUNDS)).decode()
    htpasswd = client.set_secret("sealift:quarantine-htpasswd", f"{login.username}:{hashed}\n")
    return (
        client.container()
        .from_(image)
        .with_new_file(_CONFIG, _REGISTRY)
        .with_mounted_secret(_HTPASSWD, htpasswd, owner="0:0")
        .with_mounted_cache("/var/lib/registry", quarantine_volume(client, project))
        .with_env_variable("OTEL_TRACES_EXPORTER", "none")
        .with_exposed_port(PORT)
        .as_service(args=["serve", _CONFIG], use_entrypoint=True)
    )
