"""A TUF repository of one file, as Sigstore's own hands out its trusted root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp


@contextmanager
def served(folder: Path, target: Path) -> Iterator[tuple[str, bytes]]:
    """The repository with `target` in it, until the block ends: its address, and its root.

    :param folder: receives the repository; is made.
    """
    root = _written(folder, target)
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}", root
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def _written(folder: Path, target: Path) -> bytes:
    """Write all of it, each file under the name that a client asks for; the root's metadata."""
    signer, expires = CryptoSigner.generate_ed25519(), datetime.now(UTC) + timedelta(days=1)
    file = TargetFile.from_file(target.name, str(target))
    root = Root(expires=expires, consistent_snapshot=True)
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer.public_key, role)
    signed = {
        "1.root.json": root,
        "1.targets.json": Targets(expires=expires, targets={target.name: file}),
        "1.snapshot.json": Snapshot(expires=expires, meta={"targets.json": MetaFile(1)}),
        "timestamp.json": Timestamp(expires=expires, snapshot_meta=MetaFile(1)),
    }
    (folder / "targets").mkdir(parents=True)
    for name, role in signed.items():
        metadata: Metadata[Root | Targets | Snapshot | Timestamp] = Metadata(role)
        metadata.sign(signer)
        metadata.to_file(str(folder / name))
    for digest in file.hashes.values():
        (folder / "targets" / f"{digest}.{target.name}").write_bytes(target.read_bytes())
    return (folder / "1.root.json").read_bytes()
