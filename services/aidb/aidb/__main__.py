import os
from pathlib import Path

from .app import application
from .service import serve
from .store import Store

path = os.environ.get("AIDB_PATH")
serve("aidb", application(Store(Path(path) if path else None)))
