"""PostgreSQL and RabbitMQ alone, for work on tests: `tieline servers start test`, then pytest as often as wanted."""

from typing import Annotated

import typer

from deploy.local import servers

app = typer.Typer(no_args_is_help=True, help="PostgreSQL and RabbitMQ without the services.")

InstanceName = Annotated[str, typer.Argument(help="demo, test, or any other name.")]


@app.command()
def start(instance: InstanceName = "test") -> None:
    """Start an instance's servers, keep them running and name the file that tells where they are."""
    ready = servers.start(instance, detached=True)
    typer.echo(f"export TIELINE_TEST_SERVERS={ready.instance.state_file}")


@app.command()
def stop(instance: InstanceName = "test") -> None:
    """Stop an instance's servers."""
    servers.stop(instance)
