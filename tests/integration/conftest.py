"""An image to sign, where to push it, and Cosign with the Sigstore of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.peers import Peer, distribution
from tests.sigstore.cosign import Cosign
from tests.sigstore.instance import Sigstore


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with distribution(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture(scope="session")
def cosign(sigstore: Sigstore, tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return Cosign(sigstore=sigstore, folder=tmp_path_factory.mktemp("cosign"))


@pytest.fixture
def image(cosign: Cosign, peer: Peer) -> str:
    """An image of which nobody has said anything yet."""
    return cosign.image(f"{peer.address}/web")


@pytest.fixture(scope="session")
def signed(cosign: Cosign, peer: Peer) -> str:
    """An image with a good signature."""
    made = cosign.image(f"{peer.address}/web")
    done = cosign.sign(made)
    assert done.returncode == 0, done.stderr
    return made
