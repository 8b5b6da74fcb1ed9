"""`sealift registry …`: log in to registries, try them, look at what they hold, and take it out."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "login": "ci.registry_login",
    "logout": "ci.registry_login",
    "check": "ci.registry_check",
    "list": "ci.registry_look",
    "inspect": "ci.registry_look",
    "pull": "ci.registry_carry",
    "copy": "ci.registry_carry",
    "prune": "ci.prune_command",
    "status": "ci.status_command",
}
"""Command → its module, imported when it is asked for: the client of registries takes a sixth of a second."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_COMMANDS[cmd_name]), f"{cmd_name}_command")
        return command


@click.group("registry", cls=_Group)
def registry_group() -> None:
    """Log in to registries, try them, and look at what they hold."""
