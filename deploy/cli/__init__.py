"""`tieline`: the operator's command line.

Commands that live in modules of their own are imported when they are called, so that `tieline status`
does not wait for what only `tieline demo` needs.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from deploy.cli import running, server_commands
from deploy.local.announcing import CannotRun

ELSEWHERE = {
    "import": ("deploy.cli.catalogue_import", "import_catalogue"),
    "token": ("deploy.cli.token", "token"),
    "env": ("deploy.cli.addresses", "env"),
    "demo": ("deploy.cli.demo", "demo"),
    "parked": ("deploy.cli.parked", "parked"),
    "events": ("deploy.cli.events", "events"),
    "check": ("deploy.cli.check", "check_books"),
}
"""Command: (module, name in it) of a function, or of a `typer.Typer` with commands of its own."""


class Commands(TyperGroup):
    """Commands here and elsewhere; what cannot be done ends in words for a person, not in a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *(name for name in ELSEWHERE if _exists(name))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in ELSEWHERE and _exists(cmd_name):
            return _elsewhere(cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CannotRun as reason:
            Console(stderr=True, highlight=False).print(
                "[bold red]tieline:[/]", escape(str(reason)), soft_wrap=True
            )
            raise typer.Exit(1) from None


def _exists(name: str) -> bool:
    return find_spec(ELSEWHERE[name][0]) is not None


def _elsewhere(name: str) -> Any:
    module, attribute = ELSEWHERE[name]
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        group = typer.Typer(add_completion=False)
        group.command(name)(found)
        found = group
    found_command = typer.main.get_command(found)
    found_command.name = name
    return found_command


app = typer.Typer(
    name="tieline",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Tieline on this machine: special orders and backorders in five services.",
)
for command in (running.up, running.down, running.status, running.logs, running.dev, running.forget):
    app.command()(command)
app.add_typer(server_commands.app, name="servers")
