"""What the container runs: `normalise` an image in a registry, `compare` two, name the `generation` of a volume."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.layers.base import files_of, opened
from pipelines.layers.compared import first_difference
from pipelines.layers.image import KeptLayer, Layer, new_config, new_manifest, written
from pipelines.layers.normal import sources, write
from pipelines.layers.registry import Repository


def normalise(name: str, digest: str, tag: str, epoch: str, created: str, steps: str, base: str = "") -> str:
    """Write an image anew, and put it under a tag; its digest.

    :param name: repository.
    :param epoch: seconds since 1970 that files' times are set to; `created` is the same time, RFC 3339.
    :param steps: list of the instructions that make layers, JSON.
    :param base: the base image, `REPOSITORY@DIGEST` or the path of an OCI archive; what the image has of it stays.
    """
    repository = Repository(name)
    manifest = repository.manifest(digest)
    config = repository.config(manifest)
    with TemporaryDirectory() as folder:
        kept = _base_layers(repository, manifest, base, Path(folder)) if base else []
        files = [Path(folder) / str(number) for number, _ in enumerate(manifest["layers"])][len(kept) :]
        for file, layer in zip(files, _digests(manifest)[len(kept) :], strict=True):
            repository.fetch(layer, file)
        times = {path: time for file in files for path, time in sources(file).items()}
        layers = [_put_layer(repository, file, int(epoch), times) for file in files]
        text = written(new_config(config, kept, layers, created, json.loads(steps)))
        put = Path(folder) / "config"
        put.write_bytes(text)
        repository.put(put, _digest(text))
    text = written(new_manifest(manifest, kept, layers, (_digest(text), len(text))))
    repository.tag(text, manifest["mediaType"], tag)
    return _digest(text)


def _base_layers(repository: Repository, manifest: Mapping[str, Any], base: str, folder: Path) -> list[KeptLayer]:
    """The layers that the image has of its base, as the base has them; they are in the repository then.

    An engine writes those of its cache anew when it was started again, or when it has got the same layer in two ways
    (Dagger 0.21.8): the same files, another archive.
    """
    kept: list[KeptLayer] = []
    with opened(base) as found:
        for under, layer in zip(found.layers(), manifest["layers"], strict=False):
            if under.digest != layer["digest"]:
                ours, theirs = folder / "ours", folder / "theirs"
                repository.fetch(layer["digest"], ours)
                found.fetch(under.digest, theirs)
                if files_of(ours) != files_of(theirs):
                    break
                repository.put(theirs, under.digest)
            kept.append(under)
    return kept


def _put_layer(repository: Repository, file: Path, epoch: int, times: Mapping[str, int]) -> Layer:
    target = file.with_suffix(".new")
    diff_id, digest = write(file, target, epoch, times)
    repository.put(target, digest)
    return Layer(digest=digest, size=target.stat().st_size, diff_id=diff_id)


def compare(name: str, other_name: str, *pairs: str) -> str:
    """The first entry that differs in each of these pairs of layers `ONE,OTHER`, as a list in JSON.

    :param name: repository that has the first of each pair.
    """
    found = []
    with TemporaryDirectory() as folder:
        one, other = Path(folder) / "one", Path(folder) / "other"
        for before, _, after in (pair.partition(",") for pair in pairs):
            Repository(name).fetch(before, one)
            Repository(other_name).fetch(after, other)
            found.append(first_difference(one, other))
    return json.dumps(found)


def generation(path: str) -> str:
    """The text of a file that names the volume which it is in; made if there is none."""
    file = Path(path)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(secrets.token_hex(8))
    except FileExistsError:
        pass
    return file.read_text(encoding="utf-8")


def _digests(manifest: Mapping[str, Any]) -> list[str]:
    return [layer["digest"] for layer in manifest.get("layers", [])]


def _digest(text: bytes) -> str:
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def main() -> None:
    """Run one of them."""
    commands: dict[str, Callable[..., str]] = {"normalise": normalise, "compare": compare, "generation": generation}
    try:
        print(commands[sys.argv[1]](*sys.argv[2:]))  # noqa: T201
    except subprocess.CalledProcessError:
        # regctl has said what is wrong.
        sys.exit(1)


if __name__ == "__main__":
    main()
