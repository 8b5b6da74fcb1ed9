from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.local import up as up_module
from ci.local.certificates import check_files, ending_soon
from ci.local.down import down
from ci.local.record import Ledger, load_record
from ci.local.remote import Remote, remote_engine, remote_from_record
from ci.local.setup import Setup
from ci.local.up import forget, up
from ci.remote_check import check_version
from pipelines.errors import ConfigError, EngineError
from tests.certificates import Authority

NOW = datetime.now(UTC).replace(microsecond=0)
FILES = {"ca": "/tls/a.crt", "cert": "/tls/b c.crt", "key": "/tls/b.key"}


def test_a_tls_engine_is_named_as_dagger_takes_it() -> None:
    remote = remote_engine("tls://engine.example.com:8443", **FILES)
    assert remote is not None
    assert remote.for_dagger == (
        "tls://engine.example.com:8443?ca_path=%2Ftls%2Fa.crt&cert_path=%2Ftls%2Fb+c.crt&key_path=%2Ftls%2Fb.key"
    )
    assert remote_from_record(remote.as_record()) == remote


@pytest.mark.parametrize(
    "address",
    ["tcp://far:1234", "unix:///run/e.sock", "kube-pod://engine-0?namespace=dagger", "container+podman://e", "ssh://h"],
)
def test_other_addresses_are_daggers_own(address: str) -> None:
    remote = remote_engine(address)
    assert remote is not None
    assert remote.for_dagger == address
    assert remote_engine(None) is None


@pytest.mark.parametrize(
    ("address", "files", "wrong"),
    [
        (None, {"ca": "x"}, ["--engine-ca without --engine"]),
        ("tls://far:8443", {"ca": "x"}, ["needs --engine-cert FILE", "needs --engine-key FILE"]),
        ("tls://far", FILES, ["'tls://far': it is to be tls://HOST:PORT"]),
        ("tls://far:8443?ca_path=x", FILES, ["it is to be tls://HOST:PORT"]),
        ("tls://far:8443", {**FILES, "ca": "a\nkey"}, ["--engine-ca: 'a\\nkey' has a line break"]),
        ("tcp://far:1234", {"key": "x"}, ["--engine-key: only a tls:// engine takes certificates"]),
        ("tcp://far:99999", {}, ["Port out of range"]),
        ("unix://run/e.sock", {}, ["it is to be unix:///ABSOLUTE/PATH"]),
        ("https://far", {}, ["an address begins with one of tls://, tcp://"]),
        ("kube-pod://", {}, ["it does not say where"]),
        ("tcp://me:hidden@far:1", {}, ["an address holds no password", "'tcp://me:…@far:1'"]),
        ("tcp://a b:1", {}, ["characters that no address has"]),
        ("", {}, ["an address begins with"]),
    ],
)
def test_addresses_that_cannot_be(address: str | None, files: dict[str, str], wrong: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        remote_engine(address, **files)
    assert all(part in str(caught.value) for part in wrong), str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, now=NOW)


def tls(authority: Authority, cert: Path, key: Path) -> Remote:
    return Remote(address="tls://far:8443", ca=str(authority.file), cert=str(cert), key=str(key))


def test_files_that_can_be_used(authority: Authority) -> None:
    pair = authority.sign("runner", "runner.example")
    remote = tls(authority, pair.cert, pair.key)
    check_files(remote, NOW)
    assert ending_soon(remote, NOW) == []
    (soon,) = ending_soon(remote, NOW + timedelta(days=20))
    assert soon == f"{pair.cert} expires on {NOW + timedelta(days=30):%Y-%m-%d %H:%M} UTC"


def test_every_wrong_file_is_named_with_its_date(authority: Authority, tmp_path: Path) -> None:
    old = authority.sign("old", "runner.example", ends=timedelta(days=-3))
    other = authority.sign("other", "runner.example")
    with pytest.raises(ConfigError) as caught:
        check_files(replace(tls(authority, old.cert, other.key), ca=str(tmp_path / "none.crt")), NOW)
    text = str(caught.value)
    assert f"{tmp_path / 'none.crt'} (--engine-ca): No such file or directory" in text
    assert (
        f"{old.cert} (--engine-cert): the certificate expired on {NOW - timedelta(days=3):%Y-%m-%d %H:%M} UTC" in text
    )
    assert f"{other.key} (--engine-key) is not the key of {old.cert}" in text
    with pytest.raises(ConfigError, match="valid from"):
        check_files(tls(authority, other.cert, other.key), NOW - timedelta(days=50))
    with pytest.raises(ConfigError, match="holds no certificate in PEM"):
        check_files(tls(authority, other.key, other.key), NOW)
    with pytest.raises(ConfigError, match="holds no unencrypted private key in PEM"):
        check_files(tls(authority, other.cert, other.cert), NOW)


def test_only_the_very_version_fits() -> None:
    check_version("tcp://far:1", "v0.21.8")
    for version in ("v0.21.7", "v0.21.10", "v0.21.8-260101-abc"):
        with pytest.raises(EngineError, match="version v0.21.8: version " + version):
            check_version("tcp://far:1", version)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which engines were asked; all of them answer."""
    asked: list[str] = []
    monkeypatch.setattr("ci.local.reaching.check_reachable", lambda environ: asked.extend(environ.values()))
    monkeypatch.setattr(up_module, "find_cli", lambda _setup: Path("/found/dagger"))
    monkeypatch.setattr(up_module, "answers", lambda _port: True)
    return asked


def test_an_engine_is_used_until_down_which_does_not_end_it(setup: Setup, answering: list[str]) -> None:
    remote = Remote(address="tcp://far:1234")
    for given in (remote, None):
        running = up(setup, given)
        assert (running.mode, running.environment[up_module.RUNNER_HOST]) == ("remote", "tcp://far:1234")
    # What `sealift env` printed is the same engine.
    again = replace(setup, environment={**setup.environment, up_module.RUNNER_HOST: "tcp://far:1234"})
    assert up(again).mode == "remote"
    assert answering == ["tcp://far:1234"] * 3
    assert down(setup) == ["the use of tcp://far:1234, which runs on"]
    assert load_record(setup.paths.record).remote == {}


def test_two_engines_are_not_named_at_once(setup: Setup, answering: list[str]) -> None:
    there = replace(setup, environment={**setup.environment, up_module.RUNNER_HOST: "tcp://other:1"})
    with pytest.raises(ConfigError, match="and --engine another"):
        up(there, Remote(address="tcp://far:1234"))
    assert answering == []


def test_an_engine_that_does_not_fit_is_forgotten(setup: Setup) -> None:
    Ledger(setup.paths.record).remote({"address": "tcp://far:1"})
    forget(setup)
    assert load_record(setup.paths.record).remote == {}


def test_a_record_of_an_earlier_version_has_no_remote_engine(setup: Setup) -> None:
    setup.paths.record.parent.mkdir(parents=True, exist_ok=True)
    setup.paths.record.write_text('{"mode": "assembled", "containers": {}, "processes": {}, "engine_key": "1"}')
    assert (load_record(setup.paths.record).mode, load_record(setup.paths.record).remote) == ("assembled", {})
