"""`.env` for the stock dagger command: it fills the module's constructor with what only this machine knows."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv import dotenv_values

from ci.keys import KeyPair


def wanted(registry: str, pair: KeyPair) -> dict[str, str]:
    """Constructor arguments of the module `ci`, as Dagger looks for them: `ci_` and the API's name."""
    return {
        "ci_registryService": f"tcp://{registry}",
        "ci_signingKey": f"file://{pair.private}",
        "ci_signingPassword": f"file://{pair.password}",
    }


def write_dotenv(root: Path, registry: str, pair: KeyPair) -> list[str]:
    """Write `.env` into a repository with a Dagger module that has none; what to tell the user, if it was written.

    An existing `.env` is the user's: it is never changed.
    """
    if not (root / "sealift.yaml").is_file() or not (root / "dagger.json").is_file():
        return []
    try:
        descriptor = os.open(root / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return []
    except OSError as error:
        return [f".env cannot be written ({error.strerror}); 'dagger call' then needs its flags"]
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("# Written by Sealift for the stock dagger command; .env.example explains every line.\n")
        file.writelines(f"{name}={value}\n" for name, value in wanted(registry, pair).items())
    return ["wrote .env, which tells 'dagger call' where the registry and the signing key are"]


def lacking(root: Path, registry: str, pair: KeyPair) -> list[str]:
    """Lines that an existing `.env` lacks."""
    known = dotenv_values(root / ".env") if (root / "dagger.json").is_file() else wanted(registry, pair)
    return [f"{name}={value}" for name, value in wanted(registry, pair).items() if name not in known]
