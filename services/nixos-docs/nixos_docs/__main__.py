from aidb.service import serve

from .app import application
from .pages import load

serve("nixos-docs", application(load()))
