"""Layers of Debian packages, for any architecture and without emulation."""

from __future__ import annotations

import shutil
from pathlib import Path

from ci.local.images.oci import EPOCH, Layer, layer_writer, load_layer
from ci.local.locks import built
from ci.local.setup import Setup, fingerprint

SUITE = "bookworm"
HOOK = Path(__file__).with_name("finish_root.py")


def debian_layer(setup: Setup, packages: tuple[str, ...], accounts: tuple[str, ...], architecture: str) -> Layer:
    """The packages with all that they depend on, as one layer. `?essential` stands for Debian's base system."""
    cas = [part for path in setup.extra_cas for part in (path.name, path)]
    key = fingerprint(SUITE, architecture, *packages, "", *accounts, HOOK, *cas)

    def build(folder: Path) -> None:
        unpack(setup, packages, accounts, architecture, folder)
        root = folder / "root.tar"
        with layer_writer(folder) as output, root.open("rb") as plain:
            shutil.copyfileobj(plain, output, 1 << 20)
        root.unlink()

    return load_layer(built(setup.paths.images / f"debian-{architecture}-{key}", build))


def unpack(setup: Setup, packages: tuple[str, ...], accounts: tuple[str, ...], architecture: str, work: Path) -> None:
    """Write a file system of these packages as `root.tar`, sorted and with clamped times (mmdebstrap does it)."""
    hook = work / "finish_root"
    shutil.copyfile(HOOK, hook)
    hook.chmod(0o755)
    cas = work / "cas"
    cas.mkdir()
    for path in setup.extra_cas:
        shutil.copyfile(path, cas / path.name)
    setup.runner.watch(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            "--skip=output/dev",
            f"--architectures={architecture}",
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            f"--extract-hook={hook}",
            *(f"--include={package}" for package in packages),
            SUITE,
            work / "root.tar",
        ],
        title=f"unpacking Debian packages for {architecture} ({', '.join(packages[-3:])})",
        report=setup.report,
        environment={
            **setup.environment,
            "SOURCE_DATE_EPOCH": str(EPOCH),
            "SEALIFT_EXTRA_CAS": str(cas),
            "SEALIFT_ACCOUNTS": "\n".join(accounts),
        },
    )
    shutil.rmtree(cas)
    hook.unlink()
