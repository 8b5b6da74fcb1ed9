"""Trivy and Syft that misbehave: the real program, in an image in which something else stands before it.

It is put there in the process of the command under test; in the product there is no way to name another image.
"""

from __future__ import annotations

from unittest import mock

import dagger

from pipelines import tools
from pipelines.stages.toolbox import Toolbox

_BINARIES = {"trivy": "/usr/local/bin/trivy", "syft": "/syft"}

# Runs in the tool's container. It meddles only with the run that examines an image.
_MEDDLER = """\
import json, os, pathlib, signal, subprocess, sys

how, arguments = sys.argv[1], sys.argv[2:]
if arguments[0] not in ("image", "scan") or "--download-db-only" in arguments:
    sys.exit(subprocess.run(["/tool", *arguments]).returncode)
if how == "crashes":
    print("panic: runtime error: index out of range [3] with length 3", file=sys.stderr)
    sys.exit(2)
if how == "is killed":
    child = subprocess.Popen(["/tool", *arguments])
    child.kill()
    sys.exit(128 + -child.wait())
if how == "answers nothing":
    sys.exit(0)
code = subprocess.run(["/tool", *arguments]).returncode
for path in pathlib.Path("/out").iterdir():
    text = path.read_text()
    if how == "is empty":
        path.write_text("")
    if how == "is half a document" or (how == "is half a CycloneDX document" and ".cdx." in path.name):
        path.write_text(text[: len(text) // 2])
    if how == "has no packages":
        report = json.loads(text)
        for key in {"Results", "components"} & set(report):
            report[key] = []
        if "packages" in report:
            report["packages"] = [p for p in report["packages"] if p.get("primaryPackagePurpose") == "CONTAINER"]
        path.write_text(json.dumps(report))
sys.exit(code)
"""


def break_tool(name: str, how: str) -> None:
    """From now on, every run in this process has the named tool broken in the named way."""
    usual = Toolbox.tool

    def tool(self: Toolbox, wanted: tools.Tool) -> dagger.Container:
        if wanted.name != name:
            return usual(self, wanted)
        program = self.client.container().from_(wanted.image).file(_BINARIES[name])
        container = usual(self, tools.PROBE).with_file("/tool", program).with_new_file("/meddler.py", _MEDDLER)
        return container.with_entrypoint(["python3", "/meddler.py", how])

    mock.patch.object(Toolbox, "tool", tool).start()
