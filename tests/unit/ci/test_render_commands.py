"""The commands as they are called, from a record in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner, Result

from ci.cli import cli
from ci.release_commands import check_targets
from pipelines.config.schema import Boot
from pipelines.errors import ConfigError
from pipelines.model import Target
from pipelines.record import read

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: a
    image: ghcr.io/sealift/aidb:v1.2.2  # mine
  - name: b
    image: postgres:16
"""


@pytest.fixture
def folder(samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the commands are called, with a record at its default place."""
    published = samples.published()
    services = tuple(replace(service, boot=Boot()) for service in published.plan.services)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/release.json").write_text(
        replace(published, plan=replace(published.plan, services=services)).text()
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMAGE_PULL_POLICY", raising=False)
    return tmp_path


def render(*arguments: str) -> Result:
    """:raises ConfigError: as the command does."""
    done = CliRunner().invoke(cli, ["render", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_new_manifests_go_to_standard_output_or_to_files(folder: Path, samples: Samples) -> None:
    objects = list(yaml.safe_load_all(render("kubernetes", "--namespace", "shop", "--replicas", "3").stdout))
    assert [(item["kind"], item["metadata"]["name"]) for item in objects] == [
        ("Deployment", "aidb"), ("Service", "aidb"), ("Deployment", "docs"), ("Service", "docs"),
    ]  # fmt: skip
    assert {item["metadata"]["namespace"] for item in objects} == {"shop"}
    assert objects[0]["spec"]["replicas"] == 3
    done = render("kubernetes", "--service", "docs", "--out", "deploy", "--json")
    assert json.loads(done.stdout)["files"] == [{"file": "deploy/docs.yaml", "written": True}]
    assert "replicas: 1\n" in Path("deploy/docs.yaml").read_text()
    render("compose", "--out", "docker-compose.prod.yml")
    services = yaml.safe_load(Path("docker-compose.prod.yml").read_text())["services"]
    assert services["aidb"]["image"] == f"ghcr.io/sealift/aidb@{samples.digest('aidb index')}"
    assert "pull_policy" not in render("compose", "--swarm").stdout
    with pytest.raises(ConfigError, match=r"docker-compose\.prod\.yml is there already"):
        render("compose", "--out", "docker-compose.prod.yml", "--replicas", "2")


@pytest.mark.parametrize("how", ["flag", "variable", ".env"])
def test_the_pull_policy_is_the_one_that_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    flags: list[str] = []
    if how == "flag":
        monkeypatch.setenv("IMAGE_PULL_POLICY", "Always")
        flags = ["--pull-policy", "Never"]
    elif how == "variable":
        Path(".env").write_text("IMAGE_PULL_POLICY=Always\n")
        monkeypatch.setenv("IMAGE_PULL_POLICY", "Never")
    else:
        Path(".env").write_text("IMAGE_PULL_POLICY=Never\n")
    assert "imagePullPolicy: Never\n" in render("kubernetes", *flags).stdout
    assert "pull_policy: never\n" in render("compose", *flags).stdout
    Path("pod.yaml").write_text(POD)
    shown = render("kubernetes", *flags, "--update", "pod.yaml", "--diff").stdout
    assert ("+    imagePullPolicy: Never" in shown) == (how == "flag")
    Path("pod.yaml").write_text(POD.replace("  - name: a\n", "  - name: a\n    imagePullPolicy: Always\n"))
    assert "+    imagePullPolicy: Never" in render("kubernetes", *flags, "--update", "pod.yaml", "--diff").stdout


def test_a_pull_policy_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_PULL_POLICY", "always")
    with pytest.raises(ConfigError, match="IMAGE_PULL_POLICY: no such pull policy: 'always'; did you mean 'Always'"):
        render("kubernetes")


def test_check_and_diff_write_nothing(folder: Path, samples: Samples) -> None:
    pod = Path("pod.yaml")
    pod.write_text(POD)
    meant = POD.replace("aidb:v1.2.2", f"aidb@{samples.digest('aidb index')}")
    line = f"+    image: ghcr.io/sealift/aidb@{samples.digest('aidb index')}  # mine\n"
    for flag, code in (("--diff", 0), ("--check", 1)):
        done = render("kubernetes", "--update", "pod.yaml", flag)
        assert (done.exit_code, pod.read_text()) == (code, POD)
        assert line in done.stdout
        assert "1 of 1 file(s) would change." in done.stderr
    done = render("kubernetes", "--update", "pod.yaml")
    assert (done.exit_code, pod.read_text()) == (0, meant)
    assert "pod.yaml:9: postgres:16 is not of this release, and stays\n" in done.stdout
    done = render("kubernetes", "--update", "pod.yaml", "--check", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["changed"], told["files"][0]["images"][1]["service"]) == (0, False, None)


def test_one_bad_file_keeps_all_from_being_written(folder: Path) -> None:
    Path("good.yaml").write_text(POD)
    Path("bad.yaml").write_text(POD.replace("/aidb:", "/adib:"))
    with pytest.raises(ConfigError, match=r"bad\.yaml:7:12: .* no record of 'ghcr\.io/sealift/adib'; did you"):
        render("kubernetes", "--update", ".")
    assert Path("good.yaml").read_text() == POD
    render("kubernetes", "--update", ".", "--keep", "adib")
    assert "aidb@sha256:" in Path("good.yaml").read_text()
    assert "/adib:v1.2.2" in Path("bad.yaml").read_text()


def test_a_first_adoption_maps_what_was_there(folder: Path) -> None:
    Path("pod.yaml").write_text(POD.replace("ghcr.io/sealift/aidb", "old.example.com/team/aidb"))
    with pytest.raises(ConfigError, match=r"no image of .* images there: old\.example\.com/team/aidb:v1\.2\.2"):
        render("kubernetes", "--update", "pod.yaml")
    with pytest.raises(ConfigError, match="has no image of 'adib'; did you mean 'aidb'"):
        render("kubernetes", "--update", "pod.yaml", "--map", "old.example.com/team/aidb=adib")
    render("kubernetes", "--update", "pod.yaml", "--map", "old.example.com/team/aidb=aidb")
    assert "image: ghcr.io/sealift/aidb@sha256:" in Path("pod.yaml").read_text()


def test_other_yaml_is_passed_over_in_a_folder_and_refused_by_name(folder: Path) -> None:
    Path("deploy").mkdir()
    Path("deploy/pod.yaml").write_text(POD)
    Path("deploy/values.yaml").write_text("image: {tag: v1}\n")
    assert "deploy/values.yaml: no Kubernetes object in it\n" in render("kubernetes", "--update", "deploy").stdout
    with pytest.raises(ConfigError, match=r"values\.yaml: no Kubernetes object in it: no apiVersion and kind"):
        render("kubernetes", "--update", "deploy/values.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["r.json", "--run", "v1.2.3"], "RECORD and --run name two records"),
        (["--update", "x", "--out", "y"], "--out cannot be given with --update"),
        (
            ["--update", "x", "--service", "a", "--namespace", "b"],
            "--service, --namespace cannot be given with --update",
        ),
        (["--check"], "--check needs --update"),
        (["--map", "a=b"], "--map needs --update"),
        (["--json"], "--json says what was written: give --out or --update"),
        (["--replicas", "-1"], "-1 is not in the range x>=0"),
        (["--update", "dist", "--map", "a"], "--map a: expected REPOSITORY=SERVICE"),
    ],
)
def test_flags_that_say_nothing_together(folder: Path, arguments: list[str], message: str) -> None:
    done = render("kubernetes", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_no_record(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"no release record can be read from other\.json: No such file"):
        render("compose", "other.json")


def test_a_record_of_a_registry_must_be_of_its_environment(samples: Samples) -> None:
    record = read(samples.published().text(), "x")
    check_targets(record, (*record.targets, Target(registry="quay.io")))
    with pytest.raises(ConfigError, match=r"of a release to ghcr\.io/sealift, where the environment does not"):
        check_targets(record, (Target(registry="quay.io"),))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where policies are asked for, with a configuration and a public key."""
    for name, text in {
        "sealift.yaml": "version: 1\nproject: shop\nsource: https://example.com/shop\nservices: {web: {}}\n"
        "environments: {prod: {registry: ghcr.io, prefix: acme/}, local: {registry: 'localhost:5000'}}\n",
        "services/web/Dockerfile": "FROM scratch\n",
        "ours.pub": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNING_PUBLIC_KEY", f"file://{tmp_path}/ours.pub")
    monkeypatch.delenv("SIGNING_KEY", raising=False)
    return tmp_path


def admission(*arguments: str) -> Result:
    return render("admission", "--env", "prod", *arguments)


def test_policies_go_to_standard_output_or_to_files_that_are_made_again(shop: Path) -> None:
    text = admission("--target", "kyverno", "--no-provenance", "--require", "https://example.com/a").stdout
    assert text.startswith(
        "# Made by 'sealift render admission --env prod --require https://example.com/a --no-provenance'.\n"
    )
    (policy, _) = yaml.safe_load_all(text)
    assert [one["intoto"]["type"] for one in policy["spec"]["attestations"]][1:] == ["https://example.com/a"]
    assert admission("--out", "policies", "--check").exit_code == 1
    assert not Path("policies").exists()
    done = admission("--out", "policies", "--json")
    assert "type: https://slsa.dev/provenance/v1" in Path("policies/kyverno.yaml").read_text()
    assert json.loads(done.stdout) == {"files": [{"file": "policies/kyverno.yaml", "changed": True}]}
    assert "policy-controller is left out" in done.stderr
    assert admission("--out", "policies", "--check").exit_code == 0
    (shop / "ours.pub").write_text("-----BEGIN PUBLIC KEY-----\nMFkx\n-----END PUBLIC KEY-----\n")
    done = admission("--out", "policies", "--check", "--diff")
    assert (done.exit_code, "+          MFkx" in done.stdout) == (1, True)
    assert admission("--out", "policies").exit_code == 0
    assert "MFkx" in Path("policies/kyverno.yaml").read_text()
    Path("policies/kyverno.yaml").write_text("kind: Mine\n")
    with pytest.raises(ConfigError, match="has not made it"):
        admission("--out", "policies")
    assert admission("--check").exit_code == 2


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("file://nowhere.pub", r"the key at file://nowhere\.pub cannot be read: .*No such file"),
        ("env://NOTHING_HERE", "it is not set"),
        ("file://sealift.yaml", "is no public key in PEM"),
        ("", "nobody's signature counts in the environment 'prod'"),
    ],
)
def test_a_policy_needs_somebody_whose_signatures_count(
    shop: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("SIGNING_PUBLIC_KEY", address)
    with pytest.raises(ConfigError, match=said):
        admission()


def test_a_policy_engine_that_cannot_check_the_signatures_is_refused_when_asked_for(shop: Path) -> None:
    with pytest.raises(ConfigError, match="older format only"):
        admission("--target", "policy-controller")
