"""`tieline token`: an access token for development, signed with an instance's key pair."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.client import EVERY_SCOPE
from deploy.local import stack
from deploy.local.announcing import CannotRun
from deploy.local.instance import Instance
from shared.auth import development_token


def token(
    subject: Annotated[
        str, typer.Option(help="Who it is for; stands in the record log as the actor.")
    ] = "developer",
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated. Default: all.")] = None,
    warehouse: Annotated[
        list[str] | None, typer.Option(help="Limit to a warehouse; may be repeated.")
    ] = None,
    hours: Annotated[float, typer.Option(help="How long it is good for.")] = 8,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of the key pair; default: the instance's.")
    ] = None,
    instance: Annotated[str, typer.Option(help="The local instance.")] = "demo",
) -> None:
    """Print an access token for the services of this machine; never for production."""
    unknown = sorted(set(scope or ()) - set(EVERY_SCOPE))
    if unknown:
        raise CannotRun(f"There is no scope {', '.join(unknown)}; there are {', '.join(EVERY_SCOPE)}.")
    folder = keys or stack.keys_folder(Instance(instance))
    if not (folder / "development-key.pem").exists():
        raise CannotRun(f"There is no key pair in {folder}; it is made by: make up")
    seconds = int(hours * 3600)
    typer.echo(
        development_token(folder, subject, scope or EVERY_SCOPE, warehouses=warehouse, seconds=seconds)
    )
