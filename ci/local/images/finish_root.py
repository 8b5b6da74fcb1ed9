#!/usr/bin/env python3
"""A hook of mmdebstrap: does without running anything what the packages' installation scripts would do.

mmdebstrap's `extract` variant unpacks packages and runs no script of theirs, so that a file system for another
architecture needs no emulation. What is missing then is mended here: the dpkg database (scanners read it), users and
groups, the trust store, the few alternatives that scripts rely on.

Called as `finish_root.py ROOT`, with the folder of further CA certificates in SEALIFT_EXTRA_CAS and
further lines for /etc/passwd in SEALIFT_ACCOUNTS. Uses nothing but the
standard library, for it runs outside of our environment.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ALTERNATIVES = {
    "awk": "mawk",
    "which": "which.debianutils",
    "cc": "gcc",
    "c++": "g++",
    "c89": "c89-gcc",
    "c99": "c99-gcc",
}
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
COPIES = {
    "usr/share/base-passwd/passwd.master": "etc/passwd",
    "usr/share/base-passwd/group.master": "etc/group",
    "usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
    "usr/share/base-files/profile": "etc/profile",
    "usr/share/base-files/dot.bashrc": "root/.bashrc",
    "usr/share/base-files/dot.profile": "root/.profile",
    "usr/share/adduser/adduser.conf": "etc/adduser.conf",
}


def command(*arguments: str | Path) -> bytes:
    """What the program prints."""
    return subprocess.run([str(argument) for argument in arguments], check=True, stdout=subprocess.PIPE).stdout


def register_package(root: Path, deb: Path) -> str:
    """Enter one package into the dpkg database; returns its paragraph for `status`."""
    control_folder = deb.with_suffix(".control")
    command("dpkg-deb", "--control", deb, control_folder)
    control = (control_folder / "control").read_text()
    fields = dict(line.split(": ", 1) for line in control.splitlines() if line[:1].strip() and ": " in line)
    name = fields["Package"]
    if fields.get("Multi-Arch") == "same":
        name += ":" + fields["Architecture"]
    info = root / "var/lib/dpkg/info"
    with tempfile.TemporaryFile() as data:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True, stdout=data)
        data.seek(0)
        with tarfile.open(fileobj=data) as tar:
            paths = ["/" + entry.removeprefix("./").removeprefix(".") for entry in tar.getnames()]
    (info / f"{name}.list").write_text("".join(f"{path if path != '/' else '/.'}\n" for path in paths))
    for part in sorted(control_folder.iterdir()):
        if part.name != "control":
            shutil.copy(part, info / f"{name}.{part.name}")
    conffiles = control_folder / "conffiles"
    entries = conffiles.read_text().splitlines() if conffiles.exists() else []
    shutil.rmtree(control_folder)
    return paragraph(root, control, [entry for entry in entries if entry.startswith("/")])


def paragraph(root: Path, control: str, conffiles: list[str]) -> str:
    """A package's paragraph in the status file."""
    first, rest = control.rstrip("\n").split("\n", 1)
    text = f"{first}\nStatus: install ok installed\n{rest}\n"
    sums = []
    for path in conffiles:
        file = root / path.lstrip("/")
        if file.is_file():
            sums.append(f" {path} {hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}\n")
    return text + ("Conffiles:\n" + "".join(sums) if sums else "")


def write_database(root: Path) -> None:
    """`/var/lib/dpkg/status` and `info/`, from the packages that were unpacked."""
    debs = sorted((root / "var/cache/apt/archives").glob("*.deb"))
    status = root / "var/lib/dpkg/status"
    known = status.read_text().rstrip("\n") + "\n\n" if status.exists() and status.stat().st_size else ""
    # Threads: the work is done by dpkg-deb, which unpacks.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        status.write_text(known + "\n".join(pool.map(lambda deb: register_package(root, deb), debs)))
    (root / "var/lib/dpkg/info/format").write_text("1\n")


def write_accounts(root: Path) -> None:
    """Users and groups, as base-passwd and apt make them."""
    for source, target in COPIES.items():
        if (root / source).exists() and not (root / target).exists():
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / source, root / target)
    passwd, group = root / "etc/passwd", root / "etc/group"
    if not passwd.exists():
        return
    accounts = os.environ.get("SEALIFT_ACCOUNTS", "").splitlines()
    passwd.write_text(passwd.read_text() + "".join(f"{line}\n" for line in accounts))
    groups = [":".join([line.split(":")[0], "x", line.split(":")[3], ""]) for line in accounts]
    group.write_text(group.read_text() + "".join(f"{line}\n" for line in groups))
    for file, shadow, rest in ((passwd, "shadow", ":*:19000:0:99999:7:::"), (group, "gshadow", ":*::")):
        lines = [line.split(":", 1)[0] + rest for line in file.read_text().splitlines()]
        (root / "etc" / shadow).write_text("".join(f"{line}\n" for line in lines))
        (root / "etc" / shadow).chmod(0o640)
        os.chown(root / "etc" / shadow, 0, 42)
        file.write_text(file.read_text().replace(":*:", ":x:"))


def write_trust_store(root: Path) -> None:
    """`/etc/ssl/certs/ca-certificates.crt`, with this machine's further authorities."""
    shipped = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    if not shipped:
        return
    names = [str(path.relative_to(root / "usr/share/ca-certificates")) for path in shipped]
    (root / "etc/ca-certificates.conf").write_text("".join(f"{name}\n" for name in names))
    extra = os.environ.get("SEALIFT_EXTRA_CAS")
    # Only into the bundle: from /usr/local/share/ca-certificates the engine would install them into every container.
    shipped += sorted(Path(extra).glob("*.crt")) if extra else []
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text("".join(path.read_text().rstrip("\n") + "\n" for path in shipped))


def prune(root: Path) -> None:
    """Leave out what the slim images of these names leave out, and tell dpkg to go on so. Licences stay."""
    for folder in LEFT_OUT:
        for path in sorted((root / folder).glob("*")):
            if path.is_dir() and not path.is_symlink():
                keep = [file for file in path.rglob("copyright") if folder == "usr/share/doc"]
                if not keep:
                    shutil.rmtree(path)
                for other in path.rglob("*") if keep else ():
                    if other.name != "copyright" and not other.is_dir():
                        other.unlink()
            elif folder != "usr/share/doc" and path.name != "locale.alias":
                path.unlink()
    settings = root / "etc/dpkg/dpkg.cfg.d"
    if (root / "usr/bin/dpkg").exists():
        settings.mkdir(parents=True, exist_ok=True)
        rules = [f"path-exclude /{folder}/*" for folder in LEFT_OUT]
        kept = ["path-include /usr/share/doc/*/copyright", "path-include /usr/share/locale/locale.alias"]
        (settings / "slim").write_text("".join(f"{rule}\n" for rule in [*rules, *kept]))
    if not (root / "usr/bin/sh").exists():
        # A script that cannot run here; an engine that has CAs to install would try it.
        (root / "usr/sbin/update-ca-certificates").unlink(missing_ok=True)


def link(root: Path, path: str, target: str) -> None:
    """A symbolic link, unless something is there."""
    place = root / path
    if not place.is_symlink() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)


def main(root: Path) -> None:
    """Mend the unpacked file system in `root`."""
    write_database(root)
    prune(root)
    write_accounts(root)
    write_trust_store(root)
    for name, program in ALTERNATIVES.items():
        if (root / "usr/bin" / program).exists():
            link(root, f"etc/alternatives/{name}", f"/usr/bin/{program}")
            link(root, f"usr/bin/{name}", f"/etc/alternatives/{name}")
    link(root, "etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    for folder in ("home", "opt", "mnt", "media", "srv", "usr/local/bin", "usr/local/lib", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "var/tmp").chmod(0o1777)
    # Debian forbids pip outside of virtual environments; the images of that name do not.
    for marker in (root / "usr/lib").glob("python3.*/EXTERNALLY-MANAGED"):
        marker.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
