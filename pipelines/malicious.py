"""Images that are known to be malicious, and are refused wherever one could be named. Pure.

Source: GitHub's reviewed advisory GHSA-69fq-xp46-6x23 (CVE-2026-33634), "Container images": Trivy 0.69.4, of all
registries, and 0.69.5 and 0.69.6, of Docker Hub. It lists no digest for linux/amd64 of 0.69.5; its index is there.
"""

from __future__ import annotations

import re

from pipelines.images import ImageName
from pipelines.model import Digest

ADVISORY = "GHSA-69fq-xp46-6x23"
_VERSION = re.compile(r"(?:^|[^0-9.])0\.69\.[456](?![0-9])")
_DIGESTS = frozenset(
    f"sha256:{digits}"
    for digits in (
        # 0.69.4: index, linux/amd64, arm64, ppc64le, s390x, signature
        "27f446230c60bbf0b70e008db798bd4f33b7826f9f76f756606f5417100beef3",
        "12c702212dee1cbec9471e9261501a3335963321fe76e60e5a715b5acd3c40a2",
        "2d7cee41048988eec27615412e7c6e2e21046f2b5faa888c24e11ca6764058ed",
        "ae3494bd6ae860d7727116681bd09fc7b20dc994ec7a8105738f0a623ea93427",
        "43f46547efd488e56dcf862ed4d7cc342730a803f8d5bec5cac443028fefabef",
        "cc464a3961e1dbe145c75343b55c2f446e08b821782ec993728c4222b0d85589",
        # 0.69.5: index, linux/arm64, ppc64le, s390x
        "5aaa1d7cfa9ca4649d6ffad165435c519dc836fa6e21b729a2174ad10b057d2b",
        "95ff680103570179feb0c6667a9b9b2d98c53fa5a9a451265036810390bbe70a",
        "4f7a06bb51714713ab308d2f8125f3b09ee1c3ffbba1a5ffd0cc80da95fbb6cc",
        "edef8e5816eced552a909b878ff262c0c47776d3297bcc23796ad4cce1e85414",
        # 0.69.6: index, linux/amd64, arm64, ppc64le, s390x
        "425cd3e1a2846ac73944e891250377d2b03653e6f028833e30fc00c1abbc6d33",
        "dd8beb3b40df080b3fd7f9a0f5a1b02f3692f65c68980f46da8328ce8bb788ef",
        "4b22cedea58780ff76735c3e08b9ee8cb5d06c908ffa868152f11d45349eb696",
        "9efd59534d2b6b81b8b7a0eeb3ad0e74015f358650e24b9dab00c900d3118593",
        "5e5fb53cf4ce5555171ff5206302ba2f4f66f5381bbf673c354c87a925473f07",
    )
)


def malicious_digest(digest: Digest) -> str | None:
    """Why an image of that digest is refused; None if it is not."""
    if digest in _DIGESTS:
        return f"{digest} is a malicious image of Trivy 0.69.4 to 0.69.6 ({ADVISORY}); take 0.69.3"
    return None


def malicious(image: ImageName, *, trivy: bool = False) -> str | None:
    """Why an image is refused, by its digest, or by what its name and tag say; None if it is not.

    :param trivy: whatever its name, it is run as Trivy.
    """
    if image.digest and (why := malicious_digest(image.digest)):
        return why
    is_trivy = trivy or "trivy" in image.repository.path.rpartition("/")[2]
    if is_trivy and image.tag and (found := _VERSION.search(image.tag)):
        version = found.group().lstrip("v-_")
        return f"Trivy {version} is malicious ({ADVISORY}: 0.69.4 to 0.69.6 are); take 0.69.3"
    return None
