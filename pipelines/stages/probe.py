"""The health probe that runs in a container of its own beside a booted image. Standard library only.

Arguments: host, port, path, seconds. Prints one line of JSON; exits 1 if the check never passed.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request

PAUSE = 0.1


def main(host: str, port: str, path: str, seconds: str) -> int:
    """Ask until the answer is 200 to 399, or the time is over."""
    began = time.time()
    last = "no answer"
    while time.time() - began < float(seconds):
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
                took = int((time.time() - began) * 1000)
                print(json.dumps({"ok": True, "status": answer.status, "ms": took, "at": began}))  # noqa: T201
                return 0
        except urllib.error.HTTPError as error:
            last = f"HTTP {error.code}"
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        time.sleep(PAUSE)
    print(json.dumps({"ok": False, "last": last, "at": began}))  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
