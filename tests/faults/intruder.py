"""What a build step of somebody else's tries: run in a RUN step, it prints as JSON what it got."""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

quarantine, reference, authorization = sys.argv[1:4]
found: dict[str, object] = {}


def ask(method: str, path: str) -> int:
    headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    if authorization:
        headers["Authorization"] = f"Basic {authorization}"
    request = urllib.request.Request(f"http://{quarantine}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


name, digest = reference.split("@")
found["answers"] = [
    ask("GET", "/v2/"),
    ask("GET", "/v2/_catalog"),
    ask("GET", f"/v2/{name}/tags/list"),
    ask("GET", f"/v2/{name}/manifests/{digest}"),
    ask("POST", f"/v2/{name}/blobs/uploads/"),
    ask("DELETE", f"/v2/{name}/manifests/{digest}"),
]
gateway = socket.inet_ntoa(
    next(
        bytes.fromhex(fields[2])[::-1]
        for fields in (line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:])
        if fields[1] == "00000000"
    )
)
found["host"] = [f"{host}:{port}" for host in ("127.0.0.1", gateway) for port in (5000, 5055) if connects(host, port)]
found["caches"] = [str(path) for folder in Path("/caches").iterdir() for path in folder.rglob("*")]
found["variables"] = dict(os.environ)
found["sockets"] = [str(path) for folder in ("/run", "/var/run", "/tmp") for path in Path(folder).rglob("*.sock*")]  # noqa: S108
print(json.dumps(found))  # noqa: T201 - its answer
