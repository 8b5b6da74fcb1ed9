"""An engine behind mutual TLS: the real engine, the real proxy with the settings that we publish, real certificates."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ci.local.engine import listens
from tests.certificates import Authority, Pair
from tests.faults.programs import eventually
from tests.scratch import ROOT, SEALIFT, TINY, Registry, Scratch, run

HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
CLIENT = "runner.sealift.example"
"""The name that deploy/engine/host/stunnel.conf allows."""


@dataclass
class Stand:
    """:param socket: of the engine. :param env: of a user who has no engine of his own."""

    folder: Path
    socket: Path
    authority: Authority
    env: Mapping[str, str]

    @contextmanager
    def proxy(self, pair: Pair, engine: Path | None = None) -> Iterator[str]:
        """The published settings, with other files and a free port; the address of what listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        published = (ROOT / "deploy/engine/host/stunnel.conf").read_text()
        places = {
            "= 8443": f"= 127.0.0.1:{port}",
            "/run/sealift-engine/engine.sock": str(engine or self.socket),
            "/etc/sealift/tls/engine.crt": str(pair.cert),
            "/etc/sealift/tls/engine.key": str(pair.key),
            "/etc/sealift/tls/ca.crt": str(self.authority.file),
        }
        for there, here in places.items():
            assert published.count(there) == 1
            published = published.replace(there, here)
        config = self.folder / f"stunnel-{port}.conf"
        config.write_text(published)
        with (self.folder / "stunnel.log").open("ab") as log:
            process = subprocess.Popen(["stunnel", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            assert eventually(lambda: _listens(port)), (self.folder / "stunnel.log").read_text()
            yield f"tls://localhost:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)

    def sealift(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return run([*SEALIFT, *arguments], cwd=cwd or self.folder, env=self.env)

    def up(self, address: str, pair: Pair, ca: Path | None = None) -> subprocess.CompletedProcess[str]:
        files = ("--engine-ca", ca or self.authority.file, "--engine-cert", pair.cert, "--engine-key", pair.key)
        return self.sealift("up", "--engine", address, *map(str, files))


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def stand(engine: Mapping[str, str], tmp_path: Path) -> Stand:
    if shutil.which("stunnel") is None:
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "stunnel4"]
        done = run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, done.stderr
    place = Path(engine[HOST].removeprefix("unix://"))
    assert listens(place)
    own = {HOST: "", "SEALIFT_STATE_DIR": str(tmp_path / "state"), "SEALIFT_KEYS_DIR": str(tmp_path / "keys")}
    env = {**engine, **own, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return Stand(folder=tmp_path, socket=place, authority=Authority(tmp_path), env=env)


def refused(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    said = " ".join(done.stderr.split())
    assert all(part in said for part in parts), done.stderr


def test_a_build_goes_through_mutual_tls_to_the_engine(stand: Stand) -> None:
    runner = stand.authority.sign("runner", CLIENT)
    with stand.proxy(stand.authority.sign("engine", "localhost")) as address:
        done = stand.up(address, runner)
        assert done.returncode == 0, done.stderr
        assert f"{address}: linux/" in done.stderr
        assert "up: engine (remote), registry" in done.stderr
        exported = stand.sealift("env").stdout
        line = next(line for line in exported.splitlines() if HOST in line)
        assert shlex.split(line)[1].startswith(f"{HOST}={address}?ca_path=")

        repository = stand.folder / "repository"
        repository.mkdir()
        scratch = Scratch(root=repository, env=dict(stand.env), registry=Registry(prefix="remote/", env=stand.env))
        scratch.service("web", dockerfile=TINY, settings={"boot": None})
        scratch.commit()
        built = stand.sealift("build", cwd=repository)
        assert built.returncode == 0, built.stderr
        assert f"the remote engine {address} answers" in stand.sealift("doctor").stdout
    # The engine's machine is gone: a clear error, and nothing of ours is started in its place.
    refused(stand.sealift("build", cwd=repository), 7, f"no Dagger engine answers at {address}")
    doctor = stand.sealift("doctor")
    assert (doctor.returncode, f"no Dagger engine answers at {address}" in doctor.stdout) == (1, True)
    down = stand.sealift("down")
    assert f"the use of {address}, which runs on" in down.stderr
    assert listens(stand.socket)


def test_either_end_turns_away_a_certificate_that_is_wrong(stand: Stand) -> None:
    runner, other = stand.authority.sign("runner", CLIENT), stand.authority.sign("other", "other.sealift.example")
    expired = stand.authority.sign("expired", CLIENT, ends=timedelta(days=-1))
    stranger = Authority(stand.folder, "stranger")
    forged = stranger.sign("forged", CLIENT)
    with stand.proxy(stand.authority.sign("engine", "localhost")) as address:
        refused(stand.up(address, expired), 3, f"{expired.cert} (--engine-cert): the certificate expired on 20")
        refused(stand.up(address, other), 7, f"refuses this client's certificate, {other.cert}", "checkHost")
        refused(stand.up(address, forged), 7, f"refuses this client's certificate, {forged.cert}", "CAfile")
        refused(stand.up(address, runner, stranger.file), 7, f"was not signed by an authority in {stranger.file}")
        port = address.rpartition(":")[2]
        refused(stand.up(f"tls://127.0.0.1:{port}", runner), 7, "is not for 127.0.0.1")
        # Past our own checks too: the client itself is turned away by the proxy.
        query = f"ca_path={stand.authority.file}&cert_path={other.cert}&key_path={other.key}"
        dagger = Path(stand.env["_EXPERIMENTAL_DAGGER_CLI_BIN"])
        asked = run(["timeout", "20", str(dagger), "core", "version"], env={**stand.env, HOST: f"{address}?{query}"})
        assert asked.returncode != 0
    with stand.proxy(stand.authority.sign("late", "localhost", ends=timedelta(days=-1))) as address:
        refused(stand.up(address, runner), 7, f"the certificate of {address} is not accepted: certificate has expired")
    assert "remote" not in stand.sealift("doctor").stdout


def test_an_engine_that_does_not_fit_or_is_not_there(stand: Stand) -> None:
    runner, pair = stand.authority.sign("runner", CLIENT), stand.authority.sign("engine", "localhost")
    with stand.proxy(pair, engine=stand.folder / "none.sock") as address:
        refused(stand.up(address, runner), 7, f"the proxy at {address} answers, but no engine does behind it")
    refused(stand.up(address, runner), 7, f"no Dagger engine answers at {address}")
    with stand.proxy(pair) as address:
        # What the client takes for its own version, and what it asks of an engine's (Dagger's own variables for tests).
        for variable, said in (
            ({"_EXPERIMENTAL_DAGGER_VERSION": "v0.18.0"}, "incompatible client version v0.18.0"),
            ({"_EXPERIMENTAL_DAGGER_MIN_VERSION": "v0.99.0"}, "incompatible engine version v0.21.8"),
        ):
            stand.env = {**stand.env, **variable}
            refused(stand.up(address, runner), 7, f"the engine at {address} does not fit the client", said, "v0.21.8")
        assert "remote engine" not in stand.sealift("doctor").stdout
