"""What the engine's session is given of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.engine_session import without_git
from tests.scratch import run

ASKED = ["sh", "-c", "printf 'protocol=https\\nhost=example.com\\n\\n' | git credential fill"]
ANSWERS = {"GIT_ASKPASS": "", "GIT_TERMINAL_PROMPT": "0"}
"""As the session asks (Dagger 0.21.8, engine/session/git/git_credential.go)."""


@pytest.mark.parametrize("place", ["user", "repository", "variables"])
def test_gits_credentials_are_not_for_dockerfiles(tmp_path: Path, place: str) -> None:
    repository, home = tmp_path / "repository", tmp_path / "home"
    home.mkdir()
    assert run(["git", "init", "-q", str(repository)]).returncode == 0
    helper = "!echo username=me; echo password=s3cret; :"
    environ = {**ANSWERS, "HOME": str(home), "PATH": "/usr/bin:/bin", "SSH_AUTH_SOCK": "/run/agent"}
    if place == "variables":
        environ |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": helper}
    else:
        where = "--global" if place == "user" else "--local"
        assert run(["git", "config", where, "credential.helper", helper], cwd=repository, env=environ).returncode == 0
    assert "s3cret" in run(ASKED, cwd=repository, env=environ).stdout
    hidden = without_git(environ)
    done = run(["env", "-i", *(f"{name}={value}" for name, value in hidden.items()), *ASKED], cwd=repository)
    assert done.returncode != 0
    assert "s3cret" not in done.stdout + done.stderr
    assert "SSH_AUTH_SOCK" not in hidden
