"""`tieline env`: where a running instance answers and a token for it, as shell variables."""

import shlex
from typing import Annotated

import typer

from deploy.cli.client import InstanceName, find_place


def env(
    subject: Annotated[str, typer.Option(help="Who the token is for.")] = "developer",
    instance: InstanceName = "demo",
) -> None:
    """Print `export ORDERS=http://…` for each service, and TOKEN: eval "$(tieline env)" makes them yours."""
    place = find_place(instance, None, None, subject=subject)
    for service, url in place.urls.items():
        typer.echo(f"export {service.upper()}={shlex.quote(url)}")
    typer.echo(f"export TOKEN={shlex.quote(place.token)}")
