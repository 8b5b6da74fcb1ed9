"""What changes under way: a token that expires, and a registry that does not show yet what it was given."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.expiring import token_registry
from tests.faults.outcomes import published
from tests.faults.relay import Answer, Asked, Fault, relay
from tests.faults.small import Small

LIFE = 3
UNKNOWN = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'


def test_a_token_that_expires_in_the_middle_of_a_push(repository: Small, tmp_path: Path) -> None:
    """The registry says 401 to a token that it took a moment ago: a new one is asked for, and the push goes on."""
    late: list[float] = []

    with token_registry(tmp_path / "registry", LIFE) as (_, server, tokens):

        def rule(asked: Asked) -> Fault:
            if asked.method in ("PUT", "PATCH") and "/blobs/uploads/" in asked.path and not late:
                time.sleep(LIFE + 1)
                late.append(time.time())
            return tokens.answer(asked)

        server.rule = rule
        repository.env |= {"DOCKER_USERNAME": "porter", "DOCKER_PASSWORD": "a-password-of-the-test"}
        published(repository, "--no-scan", "--registry", server.address)
        assert late, "nothing was uploaded"
        before = max(end for end in tokens.given if end < late[0] + LIFE)
        assert before < late[0], "no token had expired"
        assert any(end > late[0] for end in tokens.given), "no other token was asked for"


def test_a_tag_and_a_digest_that_read_404_just_after_their_push(repository: Small) -> None:
    """What was pushed is carried on by its digest. A tag that was moved is never asked for again."""
    hidden: dict[str, int] = {}
    tags: list[str] = []

    def rule(asked: Asked) -> Fault:
        path = asked.path
        if "/web/manifests/" not in path:
            return None
        if asked.method == "PUT":
            hidden.setdefault(path, 0)
            return None
        if path not in hidden:
            return None
        if path.endswith("/dev"):
            tags.append(path)
        elif hidden[path] >= 1:
            return None
        hidden[path] += 1
        return Answer(status=404, body=UNKNOWN, headers={"Content-Type": "application/json"})

    with relay(rule) as server:
        published(repository, "--no-scan", "--registry", server.address)
    assert any(count for count in hidden.values()), "nothing read 404"
    assert tags == []
    assert repository.registry.tags("web") == ["dev"]
    assert repository.moves("web")["dev"]["moved"]
