"""Local actions in place of others', for workflows that act runs: each writes down what it was given."""

from __future__ import annotations

from pathlib import Path

import yaml

INPUTS = {
    "actions/checkout": ("fetch-depth", "persist-credentials"),
    "actions/upload-artifact": (
        "name", "path", "retention-days", "if-no-files-found", "compression-level", "overwrite",
    ),
    "actions/download-artifact": ("pattern", "path"),
    "github/codeql-action": ("sarif_file",),
}  # fmt: skip
"""Action → the inputs that it may be given."""

_CHECKOUT = """\
find "$GITHUB_WORKSPACE" -mindepth 1 -delete
git clone --quiet "$HARNESS/repository" "$GITHUB_WORKSPACE"
git -C "$GITHUB_WORKSPACE" remote set-url origin "https://github.com/$GITHUB_REPOSITORY"
git -C "$GITHUB_WORKSPACE" checkout --quiet --detach "$HARNESS_COMMIT"
"""
_KEEP = """\
test -e "$GITHUB_WORKSPACE/$GIVEN"
mkdir -p "$HARNESS/kept"
cp -r "$GITHUB_WORKSPACE/$GIVEN" "$HARNESS/kept/"
"""
# What another job of the run fetches is kept apart, by its name. Two jobs that give theirs the same one fail.
_UPLOAD = f"""\
GIVEN="${{{{ inputs.path }}}}"
case "${{{{ inputs.name }}}}" in
partial-*)
  test -n "$(ls -A "$GITHUB_WORKSPACE/$GIVEN")"
  mkdir -p "$HARNESS/artifacts"
  mkdir "$HARNESS/artifacts/${{{{ inputs.name }}}}"
  cp -r "$GITHUB_WORKSPACE/$GIVEN/." "$HARNESS/artifacts/${{{{ inputs.name }}}}/"
  exit
esac
{_KEEP}"""
# Each into a folder of its name; that there is none is no error.
_DOWNLOAD = """\
shopt -s nullglob
cd "$GITHUB_WORKSPACE"
mkdir -p "${{ inputs.path }}"
for one in "$HARNESS"/artifacts/${{ inputs.pattern }}; do cp -r "$one" "${{ inputs.path }}/"; done
"""
_SCRIPTS = {
    "actions/checkout": _CHECKOUT,
    "actions/upload-artifact": _UPLOAD,
    "actions/download-artifact": _DOWNLOAD,
    "github/codeql-action": 'GIVEN="${{ inputs.sarif_file }}"\n' + _KEEP,
}


def stand_in(name: str, folder: Path) -> Path:
    """A composite action in place of that one: fails if it is given what it does not know.

    :param name: owner and repository.
    :param folder: what the harness works in.
    """
    made = folder / "actions" / name
    inputs = {one: {"required": False, "default": ""} for one in INPUTS[name]}
    shown = ", ".join(f'"{one}": "${{{{ inputs.{one} }}}}"' for one in INPUTS[name])
    script = f"echo '{{{shown}}}' >> \"$HARNESS/{name.replace('/', '-')}.jsonl\"\n" + _SCRIPTS[name]
    runs = {"using": "composite", "steps": [{"run": script, "shell": "bash"}]}
    at = made / "upload-sarif" if name == "github/codeql-action" else made
    at.mkdir(parents=True, exist_ok=True)
    (at / "action.yml").write_text(yaml.safe_dump({"name": name, "description": "", "inputs": inputs, "runs": runs}))
    return made
