from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ci.local.images import finish_root as module

FILES = {
    "usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\n",
    "usr/share/base-passwd/group.master": "root:*:0:\nshadow:*:42:\n",
    "usr/share/ca-certificates/mozilla/A.crt": "-A-\n",
    "usr/sbin/update-ca-certificates": "#!/bin/sh\n",
    "usr/share/doc/x/copyright": "licence\n",
    "usr/share/doc/x/changelog.gz": "history\n",
    "usr/share/man/man1/x.1.gz": "manual\n",
    "usr/share/locale/locale.alias": "kept\n",
    "usr/share/locale/de/x.mo": "text\n",
    "usr/bin/mawk": "program\n",
    "usr/bin/dpkg": "program\n",
    "usr/lib/python3.11/EXTERNALLY-MANAGED": "no pip\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system as mmdebstrap leaves it: files, and nothing configured."""
    for name, content in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "root" / "var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "root" / "var/cache/apt/archives").mkdir(parents=True)
    monkeypatch.setattr(module.os, "chown", lambda *_: None)
    monkeypatch.delenv("SEALIFT_EXTRA_CAS", raising=False)
    monkeypatch.delenv("SEALIFT_ACCOUNTS", raising=False)
    return tmp_path / "root"


def test_accounts_are_shadowed_and_ours_added(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_ACCOUNTS", "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin")
    module.main(root)
    assert (root / "etc/passwd").read_text().splitlines() == [
        "root:x:0:0:root:/root:/bin/bash",
        "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin",
    ]
    assert (root / "etc/group").read_text().splitlines()[-1] == "nonroot:x:65532:"
    assert [line.split(":")[0] for line in (root / "etc/shadow").read_text().splitlines()] == ["root", "nonroot"]


def test_the_machines_authorities_are_trusted(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cas").mkdir()
    (tmp_path / "cas" / "proxy.crt").write_text("-P-")
    monkeypatch.setenv("SEALIFT_EXTRA_CAS", str(tmp_path / "cas"))
    module.main(root)
    assert (root / "etc/ssl/certs/ca-certificates.crt").read_text() == "-A-\n-P-\n"
    assert not (root / "usr/local/share/ca-certificates").exists(), "an engine installs those into every container"
    assert (root / "etc/ca-certificates.conf").read_text() == "mozilla/A.crt\n"


def test_what_slim_images_leave_out_is_left_out(root: Path) -> None:
    module.main(root)
    assert (root / "usr/share/doc/x/copyright").exists()
    assert (root / "usr/share/locale/locale.alias").exists()
    for gone in ("usr/share/doc/x/changelog.gz", "usr/share/man/man1", "usr/share/locale/de"):
        assert not (root / gone).exists(), gone
    assert "path-exclude /usr/share/man/*" in (root / "etc/dpkg/dpkg.cfg.d/slim").read_text()


def test_scripts_find_what_they_rely_on(root: Path) -> None:
    module.main(root)
    assert (root / "usr/bin/awk").readlink() == Path("/etc/alternatives/awk")
    assert (root / "etc/alternatives/awk").readlink() == Path("/usr/bin/mawk")
    assert not (root / "usr/bin/cc").is_symlink(), "there is no compiler to point to"
    assert not (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").exists()


def test_a_script_that_cannot_run_is_removed(root: Path) -> None:
    module.main(root)
    assert not (root / "usr/sbin/update-ca-certificates").exists()


def test_a_script_that_can_run_stays(root: Path) -> None:
    (root / "usr/bin/sh").write_text("program\n")
    module.main(root)
    assert (root / "usr/sbin/update-ca-certificates").exists()


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_every_package_is_in_the_database(root: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    (build / "DEBIAN").mkdir(parents=True)
    control = (
        "Package: thing\nVersion: 1.2\nArchitecture: amd64\nMulti-Arch: same\nMaintainer: a <a@b.c>\nDescription: d\n"
    )
    (build / "DEBIAN" / "control").write_text(control)
    (build / "DEBIAN" / "conffiles").write_text("/etc/thing.conf\n")
    (build / "etc").mkdir()
    (build / "etc" / "thing.conf").write_text("x")
    (root / "etc").mkdir()
    (root / "etc" / "thing.conf").write_text("x")
    deb = root / "var/cache/apt/archives/thing_1.2_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", build, deb], check=True, capture_output=True)
    module.main(root)
    status = (root / "var/lib/dpkg/status").read_text()
    assert "Package: thing\nStatus: install ok installed\n" in status
    assert " /etc/thing.conf 9dd4e461268c8034f5c8564e155c67a6\n" in status
    listing = (root / "var/lib/dpkg/info/thing:amd64.list").read_text().splitlines()
    assert listing == ["/.", "/etc", "/etc/thing.conf"]
