"""What the programs that set a machine up are given."""

from __future__ import annotations

from ci.local.machine import make_setup
from ci.local.runner import SystemRunner

KEPT = {
    "PATH": "/bin",
    "HOME": "/root",
    "HTTPS_PROXY": "http://proxy:3128",
    "SEALIFT_STATE_DIR": "/srv/state",
    "DOCKER_HOST": "tcp://docker:2375",
    "DOCKER_CONFIG": "/root/.docker",
    "GOFLAGS": "-p=2",
    "SIGNING_KEY": "env://KEPT_ELSEWHERE",
}
SECRET = {
    "GITHUB_TOKEN": "x",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    "SIGSTORE_ID_TOKEN": "x",
    "DOCKER_PASSWORD": "x",
    "COSIGN_PASSWORD": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "COSIGN_PRIVATE_KEY": "x",
    "KEPT_ELSEWHERE": "x",
}


def test_no_program_is_given_what_logs_in_or_signs() -> None:
    setup = make_setup({**KEPT, **SECRET}, print)
    assert isinstance(setup.runner, SystemRunner)
    assert setup.runner.environment == setup.environment == KEPT
