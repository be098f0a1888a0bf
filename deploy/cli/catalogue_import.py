"""`tieline import DIR`: a catalogue from CSV files, through the REST doors that any caller has.

Every file is checked before anything is sent. Each row (or batch of rows) is sent under an Idempotency-Key made of its
content, so an import that was cut off is simply started again; what is there already is counted, not made twice.
"""

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.cli.catalogue_rows import Catalogue, Fault, Numbered, precise, read_catalogue
from deploy.cli.client import BaseUrl, Client, InstanceName, Keys, Problem, find_place

AT_ONCE = 16
BATCH = 200
ALREADY_THERE = frozenset(
    {"item-exists", "warehouse-exists", "vendor-exists", "product-line-exists", "active-price-exists", "customer-exists",
     "levels-changed"}
)  # fmt: skip
"""Refusals that mean: this was imported before."""


@dataclass
class Report:
    """What became of the rows, by file."""

    made: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)


def import_catalogue(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The folder with the CSV files.")
    ],
    base_url: BaseUrl = None,
    keys: Keys = None,
    instance: InstanceName = "demo",
) -> None:
    """Import warehouses, vendors, items, prices, customers and opening stock from CSV files."""
    console = Console()
    catalogue = read_catalogue(folder)
    faults = [*catalogue.faults, *references(catalogue)]
    if faults:
        show_faults(console, faults)
        console.print(f"[red]Nothing was imported: {len(faults)} faults.[/] Mend them and import again.")
        raise typer.Exit(1)
    place = find_place(instance, base_url, keys, subject="importer")

    async def work() -> Report:
        async with Client(place) as client:
            return await send(client, catalogue, console)

    report = asyncio.run(work())
    console.print(summary(report))
    if report.faults:
        show_faults(console, report.faults)
        raise typer.Exit(1)


def references(catalogue: Catalogue) -> list[Fault]:
    """Codes that no file defines, and quantities that are too precise for their unit."""
    warehouses = {n.row.code for n in catalogue.warehouses}
    vendors = {n.row.code for n in catalogue.vendors}
    lines = {n.row.code for n in catalogue.product_lines}
    items = {n.row.sku: n.row for n in catalogue.items}
    customers = {n.row.code for n in catalogue.customers}
    faults = [
        *_missing(catalogue.product_lines, "vendor", vendors),
        *_missing(catalogue.items, "product_line", lines),
        *_missing(catalogue.items, "special_vendor", vendors),
        *_missing(catalogue.kits, "kit", items),
        *_missing(catalogue.kits, "component", items),
        *_missing(catalogue.replenishment, "sku", items),
        *_missing(catalogue.replenishment, "warehouse", warehouses),
        *_missing(catalogue.vendor_prices, "vendor", vendors),
        *_missing(catalogue.vendor_prices, "sku", items),
        *_missing(catalogue.ship_tos, "customer", customers),
        *_missing(catalogue.stock, "sku", items),
        *_missing(catalogue.stock, "warehouse", warehouses),
    ]
    faults += [
        Fault(n.file, n.line, "drop_ship", "an item is special order or drop ship, not both")
        for n in catalogue.items
        if n.row.special_order and n.row.drop_ship
    ]
    for s in catalogue.stock:
        item = items.get(s.row.sku)
        if item and not precise(s.row.on_hand, item.precision):
            detail = f"{s.row.on_hand} has more decimals than the {item.precision} of {item.unit}"
            faults.append(Fault(s.file, s.line, "on_hand", detail))
    located = {n.row.customer for n in catalogue.ship_tos}
    faults += [
        Fault(n.file, n.line, "code", "has no location in ship_tos.csv")
        for n in catalogue.customers
        if n.row.code not in located
    ]
    return faults


def _missing(rows: Sequence[Numbered[Any]], column: str, known: Iterable[str]) -> list[Fault]:
    there = set(known)
    return [
        Fault(n.file, n.line, column, f"{value} is not defined")
        for n in rows
        if (value := getattr(n.row, column)) is not None and value not in there
    ]


async def send(client: Client, catalogue: Catalogue, console: Console) -> Report:
    """Send everything in the order in which one thing needs another."""
    report = Report()
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        sender = _Sender(client, report, progress)
        await sender.each("warehouses", catalogue.warehouses, sender.warehouse)
        await sender.each("vendors", catalogue.vendors, sender.vendor)
        currencies = {n.row.code: n.row.currency for n in catalogue.vendors}
        await sender.each(
            "product lines", catalogue.product_lines, lambda n: sender.product_line(n, currencies)
        )
        kits = _recipes(catalogue)
        plain = [n for n in catalogue.items if n.row.kind != "kit"]
        await sender.each("items", plain, sender.item)
        await sender.each(
            "kits", [n for n in catalogue.items if n.row.kind == "kit"], lambda n: sender.kit(n, kits)
        )
        await sender.each("replenishment", catalogue.replenishment, sender.replenishment)
        await sender.batches("vendor prices", catalogue.vendor_prices, sender.prices)
        places = _places(catalogue)
        await sender.each("customers", catalogue.customers, lambda n: sender.customer(n, places))
        await sender.batches("opening stock", catalogue.stock, sender.balances)
        await sender.known_to_orders(catalogue)
    return report


def _recipes(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    recipes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for n in catalogue.kits:
        recipes[n.row.kit].append(
            {"seq": n.row.seq, "sku": n.row.component, "qty_per_kit": str(n.row.quantity)}
        )
    return recipes


def _places(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    places: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for n in catalogue.ship_tos:
        places[n.row.customer].append(n.row.model_dump(mode="json", exclude={"customer"}))
    return places


class _Sender:
    """Sends rows, a few at a time, and keeps count."""

    def __init__(self, client: Client, report: Report, progress: Progress) -> None:
        self._client = client
        self._report = report
        self._progress = progress
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def each(
        self, what: str, rows: Sequence[Numbered[Any]], one: Callable[[Numbered[Any]], Awaitable[bool]]
    ) -> None:
        """Send rows one by one, sixteen at a time."""
        task = self._progress.add_task(what, total=len(rows))

        async def sent(row: Numbered[Any]) -> None:
            async with self._turn:
                await self._counted(row, one)
            self._progress.advance(task)

        await asyncio.gather(*(sent(row) for row in rows))

    async def batches(
        self,
        what: str,
        rows: Sequence[Numbered[Any]],
        many: Callable[[Sequence[Numbered[Any]]], Awaitable[None]],
    ) -> None:
        """Send rows in batches of 200."""
        task = self._progress.add_task(what, total=len(rows))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            await many(batch)
            self._progress.advance(task, len(batch))

    async def _counted(self, row: Numbered[Any], one: Callable[[Numbered[Any]], Awaitable[bool]]) -> None:
        try:
            repeated = await one(row)
        except Problem as problem:
            self._refused(row, problem.code, str(problem.document.get("detail", problem)))
        else:
            self._count(row, repeated)

    def _count(self, row: Numbered[Any], is_there: bool) -> None:
        (self._report.there if is_there else self._report.made)[row.file] += 1

    def _refused(self, row: Numbered[Any], code: str, detail: str) -> None:
        if code in ALREADY_THERE:
            self._report.there[row.file] += 1
        else:
            self._report.faults.append(Fault(row.file, row.line, "", f"{code}: {detail}"))

    async def _post(self, service: str, path: str, body: Any) -> bool:
        """Send a row under its content's key; whether it was sent before."""
        return (await self._client.post_once(service, path, body, key=content_key(path, body)))[1]

    async def warehouse(self, n: Numbered[Any]) -> bool:
        return await self._post("inventory", "/v1/warehouses", n.row.model_dump(mode="json"))

    async def vendor(self, n: Numbered[Any]) -> bool:
        body = n.row.model_dump(mode="json", exclude={"foreign"}) | {"is_foreign": n.row.foreign}
        return await self._post("purchasing", "/v1/vendors", body)

    async def product_line(self, n: Numbered[Any], currencies: Mapping[str, str]) -> bool:
        # a target buy is in the currency of the vendor that it is bought from
        body = n.row.model_dump(mode="json") | {"currency": currencies[n.row.vendor]}
        return await self._post("purchasing", "/v1/product-lines", body)

    async def item(self, n: Numbered[Any]) -> bool:
        return await self._post("inventory", "/v1/items", _item(n.row))

    async def kit(self, n: Numbered[Any], recipes: dict[str, list[dict[str, Any]]]) -> bool:
        return await self._post("inventory", "/v1/items", _item(n.row) | {"kit": recipes.get(n.row.sku, [])})

    async def replenishment(self, n: Numbered[Any]) -> bool:
        body = n.row.model_dump(mode="json", exclude={"sku", "warehouse"})
        path = f"/v1/items/{n.row.sku}/replenishment/{n.row.warehouse}"
        await self._client.put("inventory", path, body, version=0)
        return False

    async def customer(self, n: Numbered[Any], places: dict[str, list[dict[str, Any]]]) -> bool:
        body = n.row.model_dump(mode="json", exclude_none=True) | {"ship_tos": places[n.row.code]}
        return await self._post("orders", "/v1/customers", body)

    async def prices(self, rows: Sequence[Numbered[Any]]) -> None:
        body = {
            "prices": [
                {"vendor": n.row.vendor, "sku": n.row.sku, "purchase_unit": n.row.unit, "units_per": str(n.row.units_per),
                 "price": str(n.row.price), "active": n.row.active}
                for n in rows
            ]
        }  # fmt: skip
        await self._batch("purchasing", "/v1/vendor-prices/batch", body, rows)

    async def balances(self, rows: Sequence[Numbered[Any]]) -> None:
        body = {
            "adjustments": [
                {"sku": n.row.sku, "warehouse": n.row.warehouse, "qty": str(n.row.on_hand), "reason": "opening balance",
                 "reference": f"opening-balance:{n.row.sku}:{n.row.warehouse}"}
                for n in rows
            ]
        }  # fmt: skip
        await self._batch("inventory", "/v1/stock/adjustments/batch", body, rows)

    async def _batch(self, service: str, path: str, body: Any, rows: Sequence[Numbered[Any]]) -> None:
        answer, repeated = await self._client.post_once(service, path, body, key=content_key(path, body))
        for n, result in zip(rows, answer["results"], strict=True):
            if result["result"] == "refused":
                self._refused(n, result["problem"]["code"], result["problem"]["detail"])
            else:
                self._count(n, repeated or result["result"] in ("unchanged", "repeated"))

    async def known_to_orders(self, catalogue: Catalogue) -> None:
        """Wait until orders has heard of every item: only then can each be sold."""
        unknown = {n.row.sku for n in catalogue.items}
        task = self._progress.add_task("known to orders", total=len(unknown))
        async for item in self._client.every("orders", "/v1/catalogue-items"):
            unknown.discard(item["sku"])
        self._progress.update(task, completed=len(catalogue.items) - len(unknown))

        async def one(sku: str) -> None:
            async with self._turn:
                await self._client.get("orders", f"/v1/catalogue-items/{sku}", wait=20)
            self._progress.advance(task)

        await asyncio.gather(*(one(sku) for sku in sorted(unknown)))


def _item(row: Any) -> dict[str, Any]:
    body: dict[str, Any] = row.model_dump(mode="json", exclude={"special_vendor"}, exclude_none=True)
    body["sources"] = [{"warehouse": "*", "vendor": row.special_vendor}] if row.special_vendor else []
    return body


def content_key(path: str, body: Any) -> str:
    """The Idempotency-Key of a row: the same content is the same request, whenever it is sent."""
    return "import-" + hashlib.sha256(f"{path} {json.dumps(body, sort_keys=True)}".encode()).hexdigest()[:48]


def summary(report: Report) -> Table:
    """Rows by file: made now, there already, refused."""
    table = Table("file", "imported", "there already", "refused")
    refused = Counter(fault.file for fault in report.faults)
    for file in sorted({*report.made, *report.there, *refused}):
        table.add_row(file, str(report.made[file]), str(report.there[file]), str(refused[file]))
    return table


def show_faults(console: Console, faults: Sequence[Fault], most: int = 50) -> None:
    """Name each fault by file, line and column."""
    for fault in faults[:most]:
        console.print(f"[red]{fault}[/]", soft_wrap=True, highlight=False)
    if len(faults) > most:
        console.print(f"… and {len(faults) - most} more")
