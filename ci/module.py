"""The Dagger module: `dagger call` runs the very command that a laptop runs, inside the engine.

The command runs as a client of the same session. In a module's own name the engine would keep other cache volumes
than in a command line's, and the two front doors would build and scan everything once each; as a client they share all.

What cannot be asked for inside the engine, the registry on the user's loopback and the signing key, comes in through
the constructor. Dagger fills these from `.env`, which `sealift up` writes (see `.env.example`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, Name, dag, object_type

from ci.inside import Inputs, command
from ci.module_parts import Env, Jobs, Platforms, Published, Release, Services, Tags, never_cached, options

# Never sent to the engine with the source: what is made here, and what holds secrets.
_IGNORED = [".env", ".venv", "dist", "sdk", "**/node_modules", "**/__pycache__", "**/.*_cache"]


@object_type
class Ci:
    """Builds, scans, describes, signs and publishes all images of this repository, as one graph."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(_IGNORED), Doc("the repository, with .git")]
    registry_service: Annotated[
        dagger.Service | None, Doc("registry on your own loopback, such as tcp://localhost:5000")
    ] = None
    signing_key: Annotated[dagger.Secret | None, Doc("Cosign private key, such as file://cosign.key")] = None
    signing_password: Annotated[dagger.Secret | None, Doc("password of the private key")] = None
    signing_token: Annotated[dagger.Secret | None, Doc("identity token for signing without a key")] = None
    signing_authority: Annotated[str | None, Doc("Fulcio of your own that the identity token may be sent to")] = None
    build_secrets: Annotated[dagger.Secret | None, Doc("build secrets, as lines NAME=value")] = None
    docker_registry: Annotated[str | None, Doc("registry to publish to instead of the environment's")] = None
    docker_username: Annotated[str | None, Doc("login for the registry")] = None
    docker_password: Annotated[dagger.Secret | None, Doc("password for the registry")] = None
    version: Annotated[str | None, Doc("version that is released, such as v1.2.3")] = None
    git_sha: Annotated[str | None, Doc("commit that must be the checked-out one")] = None
    image_pull_policy: Annotated[str | None, Doc("Always, IfNotPresent or Never; kept in the record")] = None

    @never_cached
    async def build_all(
        self,
        env: Env = None,
        service: Services = None,
        platform: Platforms = None,
        tag: Tags = None,
        no_push: Annotated[bool, Doc("stop in the quarantine, after everything is signed and verified")] = False,
        no_cache: Annotated[bool, Doc("run every build step again")] = False,
        no_reuse: Annotated[bool, Doc("build what was published before of the same inputs, too")] = False,
        no_scan: Annotated[bool, Doc("do not scan; refused outside the local environment")] = False,
        delta: Annotated[str | None, Doc("environment or version that delta.md compares the run with")] = None,
        jobs: Jobs = None,
    ) -> Published:
        """Build, boot, describe, scan, sign and publish every service."""
        given = options(
            env=env, service=service, platform=platform, tag=tag, jobs=jobs,
            no_push=no_push, no_cache=no_cache, no_reuse=no_reuse, no_scan=no_scan, delta=delta,
        )  # fmt: skip
        return await self._published("build-all", given)

    @never_cached
    async def publish(
        self, env: Env = None, service: Services = None, platform: Platforms = None, tag: Tags = None
    ) -> Published:
        """Publish the selected services, with every check of build-all."""
        return await self._published("publish", options(env=env, service=service, platform=platform, tag=tag))

    @never_cached
    async def plan(
        self,
        env: Env = None,
        service: Services = None,
        platform: Platforms = None,
        tag: Tags = None,
        jobs: Jobs = None,
    ) -> str:
        """What would be built, under which tags, where it would go and why, as JSON. Builds nothing."""
        given = options(env=env, service=service, platform=platform, tag=tag, jobs=jobs)
        return await (await self._run("plan", [*given, "--json"])).stdout()

    @never_cached
    async def build(
        self,
        service: Annotated[str, Doc("the service")],
        platform: Annotated[str | None, Doc("such as linux/arm64; default the engine's")] = None,
        no_cache: bool = False,
    ) -> dagger.Container:
        """The container of one service, as the quarantine holds it; chain `terminal`, `as-service`, `export`…"""
        wanted = platform or await dag.default_platform()
        given = options(service=[service], platform=[wanted], no_cache=no_cache, export="/out")
        archive = (await self._run("build", given)).file(f"/out/{service}-{wanted.replace('/', '-')}.tar")
        return dag.container(platform=dagger.Platform(wanted)).import_(archive)

    @never_cached
    async def partial(
        self, env: Env = None, service: Services = None, platform: Platforms = None, no_cache: bool = False
    ) -> dagger.Directory:
        """A part of a release, built and booted, for `assemble` on another engine; export it."""
        given = options(env=env, service=service, platform=platform, no_cache=no_cache, partial="/out/partial")
        return (await self._run("build", given)).directory("/out/partial")

    @never_cached
    async def assemble(
        self,
        partials: Annotated[dagger.Directory, Doc("what 'partial' gave on every engine, at any depth")],
        env: Env = None,
        service: Services = None,
        platform: Platforms = None,
        tag: Tags = None,
        no_push: Annotated[bool, Doc("stop in the quarantine, after everything is signed and verified")] = False,
        no_scan: Annotated[bool, Doc("do not scan; refused outside the local environment")] = False,
    ) -> Published:
        """Release what other engines have built, as build-all does."""
        given = options(env=env, service=service, platform=platform, tag=tag, no_push=no_push, no_scan=no_scan)
        return await self._published("assemble", ["/partials", *given], {"/partials": partials})

    @never_cached
    async def scan(self, env: Env = None, service: Services = None, platform: Platforms = None) -> str:
        """Build and scan; what was found, as JSON. Fails if a finding would stop a release."""
        given = options(env=env, service=service, platform=platform)
        return await (await self._run("scan", [*given, "--json"])).stdout()

    @never_cached
    async def sbom(self, service: Services = None, platform: Platforms = None) -> dagger.Directory:
        """SPDX and CycloneDX documents, SERVICE/PLATFORM/{sbom.spdx.json,sbom.cdx.json}."""
        done = await self._run("sbom", options(service=service, platform=platform, out="/out"))
        return done.directory("/out/reports")

    @never_cached
    async def verify(
        self,
        env: Env = None,
        service: Services = None,
        tag: Tags = None,
        image: Annotated[list[str] | None, Doc("images, such as aidb:v1.2.3 or ghcr.io/example/aidb@sha256:…")] = None,
        release: Annotated[str | None, Doc("images of a release, by the registry's record")] = None,
        max_scan_age: Annotated[str | None, Doc("such as 48h or 7d")] = None,
    ) -> str:
        """Verify what the registry holds: signatures, attestations, platforms, provenance and scan; as JSON."""
        given = options(env=env, service=service, tag=tag, release=release, max_scan_age=max_scan_age)
        return await (await self._run("verify", [*given, "--json", *(image or ())])).stdout()

    @never_cached
    async def rescan(
        self,
        env: Env = None,
        service: Services = None,
        tag: Tags = None,
        release: Annotated[str | None, Doc("images of a release, by the registry's record")] = None,
        new_only: bool = False,
        attest: bool = False,
    ) -> str:
        """Scan released images again, from their attested SBOMs; what was found, as JSON."""
        given = options(env=env, service=service, tag=tag, release=release, new_only=new_only, attest=attest)
        return await (await self._run("rescan", [*given, "--json"])).stdout()

    @never_cached
    async def resume(
        self,
        record: Annotated[dagger.File | None, Doc("release.json of the run that was broken off")] = None,
        run: Annotated[str | None, Doc("its record at the registry instead, by run or version")] = None,
        env: Env = None,
    ) -> Published:
        """Finish a release that was broken off, from its record. Nothing is built."""
        return await self._released(["release", "resume", *options(run=run, env=env)], record=record)

    @never_cached
    async def promote(
        self,
        release: Release,
        from_: Annotated[str, Name("from"), Doc("environment that has it")],
        to: Annotated[str, Doc("environment that it goes to")],
        tag: Tags = None,
    ) -> Published:
        """Release to another environment what one has released already, by its digests. Nothing is built."""
        return await self._released(["promote", release, f"--from={from_}", f"--to={to}", *options(tag=tag)])

    @never_cached
    async def replicate(self, release: Release, env: Env = None) -> Published:
        """Copy a release, with its tags, to the environment's regions."""
        return await self._released(["replicate", release, *options(env=env)])

    @never_cached
    async def rollback(
        self, to: Annotated[str | None, Doc("release to go back to; default the one before")] = None, env: Env = None
    ) -> Published:
        """Let an environment's tags name an earlier release again. Release tags stay."""
        return await self._released(["rollback", *options(to=to, env=env)])

    @never_cached
    async def rebuild(
        self, release: Release, env: Env = None, service: Services = None, publish: bool = False, no_cache: bool = False
    ) -> str:
        """Build a release again from its commit, and compare every digest with its record. Fails if one differs."""
        given = options(env=env, service=service, publish=publish, no_cache=no_cache)
        return await (await self._run("rebuild", [release, *given])).stdout()

    @never_cached
    async def reproduce(self, service: Annotated[str, Doc("the service")], platform: Platforms = None) -> str:
        """Build a service twice without caches, and compare. Fails if an image differs."""
        return await (await self._run("reproduce", [service, *options(platform=platform)])).stdout()

    @never_cached
    async def lock_check(self) -> str:
        """Whether sealift.lock has every base image and tool, and nothing else. Fails if it has not."""
        return await (await self._run("lock", ["--check"])).stdout()

    @never_cached
    async def render(
        self,
        target: Annotated[str, Doc("kubernetes or compose")] = "kubernetes",
        record: Annotated[dagger.File | None, Doc("release.json")] = None,
        run: Annotated[str | None, Doc("its record at the registry instead, by run or version")] = None,
        env: Env = None,
        service: Services = None,
    ) -> str:
        """Deployment manifests of a release, with its images by digest."""
        given = options(run=run, env=env, service=service)
        file = {"/repository/dist/release.json": record} if record else {}
        return await (await self._run("render", [target, *given], file)).stdout()

    async def _released(self, arguments: Sequence[str], record: dagger.File | None = None) -> Published:
        """A command that goes on from a record."""
        files = {"/out/release.json": record} if record else {}
        done = await self._run(arguments[0], [*arguments[1:], "--out=/out"], files)
        out = done.directory("/out")
        return Published(summary=await done.stdout(), record=await out.file("release.json").contents(), dist=out)

    async def _published(
        self, verb: str, given: Sequence[str], folders: Mapping[str, dagger.Directory] | None = None
    ) -> Published:
        done = await self._run(verb, [*given, "--out=/out"], folders=folders)
        out = done.directory("/out")
        return Published(
            summary=await out.file("summary.txt").contents(), record=await out.file("release.json").contents(), dist=out
        )

    async def _run(
        self,
        verb: str,
        arguments: Sequence[str],
        files: Mapping[str, dagger.File] | None = None,
        folders: Mapping[str, dagger.Directory] | None = None,
    ) -> dagger.Container:
        inputs = Inputs(
            source=self.source,
            files=files or {},
            folders=folders or {},
            registry=self.registry_service,
            secrets={
                "SIGNING_KEY": self.signing_key,
                "SIGNING_PASSWORD": self.signing_password,
                "SIGNING_TOKEN": self.signing_token,
                "DOCKER_PASSWORD": self.docker_password,
                "SEALIFT_BUILD_SECRETS": self.build_secrets,
            },
            variables={
                "SEALIFT_ALLOW_FULCIO": self.signing_authority,
                "DOCKER_REGISTRY": self.docker_registry,
                "DOCKER_USERNAME": self.docker_username,
                "VERSION": self.version,
                "GIT_SHA": self.git_sha,
                "IMAGE_PULL_POLICY": self.image_pull_policy,
            },
        )
        return await command(inputs, [verb, *arguments])
