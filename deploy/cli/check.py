"""`tieline check`: do the books of all five services add up?"""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.checking import Finding, Logins, Report, check, read_journal
from deploy.checking.invariants import INVARIANTS
from deploy.checking.report import MOST_SHOWN
from deploy.local import servers
from deploy.local.announcing import CannotRun
from deploy.local.definitions import SERVICES
from deploy.local.instance import Instance

InstanceName = Annotated[str, typer.Option("--instance", help="The local instance to look at.")]


def check_books(
    instance: InstanceName = "demo",
    patience: Annotated[
        float, typer.Option(help="Seconds to wait until nothing is on its way; 0: do not wait.")
    ] = 120,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this one, such as I-7; may be repeated.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="A client's journal, for I-17.")] = None,
) -> None:
    """Compare the live databases and queues of all services; fails with what differs. Reads only, locks nothing.

    Logins come from TIELINE_<SERVICE>_CHECK_URL and TIELINE_CHECK_AMQP_URL, else from the local instance.
    """
    if unknown := set(only or ()) - {invariant.id for invariant in INVARIANTS}:
        raise CannotRun(f"There is no invariant {', '.join(sorted(unknown))}; there are I-1 to I-20.")
    kept = read_journal(journal) if journal else None
    report = asyncio.run(check(find_logins(instance), patience=patience, only=only or (), journal=kept))
    show(report)
    if not report.is_clean:
        raise typer.Exit(1)


def find_logins(instance: str) -> Logins:
    """From the environment, else the local instance's checker role."""
    named = {service: os.environ.get(f"TIELINE_{service.upper()}_CHECK_URL", "") for service in SERVICES}
    if all(named.values()):
        return Logins(named, os.environ.get("TIELINE_CHECK_AMQP_URL"))
    if any(named.values()):
        missing = ", ".join(f"TIELINE_{name.upper()}_CHECK_URL" for name, url in named.items() if not url)
        raise CannotRun(f"Set {missing} too: the checker compares all five databases.")
    place = Instance(instance)
    if not servers.is_kept(place):
        raise CannotRun(f"The instance {instance} does not run; start it with: make up")
    there = servers.attach(place.state_file)
    return Logins(
        {
            service: there.service_database_url(service, "checker", driver="postgresql")
            for service in SERVICES
        },
        there.amqp_url(),
    )


def show(report: Report) -> None:
    """The table of invariants, and under it what differs."""
    console = Console(highlight=False, soft_wrap=True)
    for what, why in report.unquiet.items():
        console.print(f"[yellow]never quiet:[/] {escape(what)}: {escape(why)}")
    table = Table("", "what must hold", "found", box=None, pad_edge=False)
    for finding in report.findings:
        table.add_row(finding.invariant.id, finding.invariant.says, _found(finding))
    console.print(table)
    for finding in report.findings:
        said = finding.violations or []
        for words in said[:MOST_SHOWN]:
            console.print(f"[red]{finding.invariant.id}[/] {escape(words)}")
        if len(said) > MOST_SHOWN:
            console.print(f"[red]{finding.invariant.id}[/] … and {len(said) - MOST_SHOWN} more")


def _found(finding: Finding) -> str:
    if finding.violations is None:
        return "[dim]nothing to look at[/]"
    if finding.violations:
        return f"[red]{len(finding.violations)} violated[/]"
    absent = finding.invariant.absent
    return f"[green]ok[/][dim]; not built yet: {absent}[/]" if absent else "[green]ok[/]"
