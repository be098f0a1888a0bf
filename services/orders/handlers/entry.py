"""Order entry: one order or five hundred are the same few statements; a bad one hinders no good one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import Forbidden, Invalid, TielineError
from shared.ids import new_id
from shared.preferences import preferences
from shared.schema import next_numbers
from shared.unit_of_work import Tx

from .. import store
from ..domain.catalogue import Item, Source
from ..domain.copying import changed
from ..domain.customer import Customer, UnknownCustomer
from ..domain.entry import (
    UnknownItem,
    UnknownWarehouse,
    WantedLine,
    WantedOrder,
    WarehouseMissing,
    comments_must_fit,
    new_line,
    new_order,
)
from ..domain.opening import must_have_lines, opened
from ..domain.order import Line, Order
from ..domain.preferences import Preferences
from ..domain.settlement import Picture, Settled, Tell, settle, with_marks
from ..domain.shortage import (
    NOBODY_TO_ASK,
    NOT_ASKED_YET,
    Figures,
    FiguresWanted,
    Shelf,
    ShortageDecisionRequired,
    all_of,
    answered,
)
from ..schemas import NewLine, NewSalesOrder
from .billing import bill_services
from .settling import Cause, Change, announce, record, rules

PRIORITY_SCOPE = "orders:priority"


class PriorityNotAllowed(Forbidden):
    """Setting a fulfilment priority needs a scope of its own (ORD-3)."""


class ReasonMissing(Invalid):
    """This change needs a reason for the record log."""


@dataclass(frozen=True)
class Answer:
    """An order as a caller gets it; `version` becomes the ETag."""

    picture: Picture
    in_the_way: Sequence[Any] = ()
    reminder: str | None = None

    @property
    def version(self) -> int:
        """The row version."""
        return self.picture.order.version


async def create_order(tx: Tx, wanted: NewSalesOrder, figures: Figures = NOBODY_TO_ASK) -> Answer:
    """One new order; a refusal is raised, and so is what inventory has to be asked first (BO-2)."""
    (result,) = await create_orders(tx, [wanted], figures)
    if isinstance(result, TielineError):
        raise result
    return Answer(result, reminder=await reminder(tx) if wanted.priority else None)


async def reminder(tx: Tx) -> str | None:
    """ORD-3: the organisation's pricing policy for priority orders."""
    chosen = await preferences(tx, Preferences)
    return chosen.priority_reminder or None


async def create_orders(
    tx: Tx, wanted: Sequence[NewSalesOrder], figures: Figures = NOBODY_TO_ASK
) -> list[Picture | TielineError]:
    """New orders, in a constant number of statements; each is answered with itself or with its own problem.

    Raises FiguresWanted, for all of them at once, if a stock line is opened and inventory was not asked yet (BO-2).
    """
    return await _created(tx, wanted, figures)


async def enter_orders(tx: Tx, wanted: Sequence[NewSalesOrder]) -> list[Answer | TielineError]:
    """New orders of several callers; one for which inventory has to be asked is answered with FiguresWanted (BO-2)."""
    made = await _created(tx, wanted, NOT_ASKED_YET, asks_for_all=False)
    word = await reminder(tx) if any(order.priority for order in wanted) else None
    return [
        result
        if isinstance(result, TielineError)
        else Answer(result, reminder=word if order.priority else None)
        for order, result in zip(wanted, made, strict=True)
    ]


async def _created(
    tx: Tx, wanted: Sequence[NewSalesOrder], figures: Figures, *, asks_for_all: bool = True
) -> list[Picture | TielineError]:
    callers = tx.each(len(wanted))
    chosen = await preferences(tx, Preferences)
    customers = await store.customers_with_addresses(tx.db, (order.customer for order in wanted))
    entries = await store.catalogue_entries(tx.db, _pairs(wanted))
    numbers = await next_numbers(tx.db, "sales_order_numbers", "SO", len(wanted))
    auto_flag = chosen.auto_flag_special == "on"
    drafts = [
        _draft(own, order, number, customers, entries, auto_flag_special=auto_flag)
        for own, order, number in zip(callers, wanted, numbers, strict=True)
    ]
    to_open = [
        (own, draft) if isinstance(draft, Picture) and order.open else None
        for own, order, draft in zip(callers, wanted, drafts, strict=True)
    ]
    opening = iter(await _open(tx, [one for one in to_open if one is not None], figures))
    results: list[Settled | TielineError] = [
        _unopened(draft) if at_once is None else next(opening)
        for draft, at_once in zip(drafts, to_open, strict=True)
    ]
    if asks_for_all and (unknown := [one for one in results if isinstance(one, FiguresWanted)]):
        raise FiguresWanted(figure for one in unknown for figure in one.wanted)
    made = [result for result in results if isinstance(result, Settled)]
    await store.insert_pictures(tx.db, [result.picture for result in made])
    filled: dict[int, tuple[Tx, list[Picture]]] = {}
    for own, result, order in zip(callers, results, wanted, strict=True):
        if isinstance(result, Settled):
            _record_new(own, result, order)
            announce(own, result)
            if result.filled:
                filled.setdefault(id(own), (own, []))[1].append(result.picture)
    for own, pictures in filled.values():
        await bill_services(own, pictures)
    return [result.picture if isinstance(result, Settled) else result for result in results]


def _unopened(draft: Picture | TielineError) -> Settled | TielineError:
    if isinstance(draft, TielineError):
        return draft
    return settle(draft, now=draft.order.created_at, new_id=new_id, auto_ship_on_receipt=True)


def _pairs(wanted: Iterable[NewSalesOrder]) -> list[tuple[str, str]]:
    return [(line.sku, line.warehouse or order.warehouse or "") for order in wanted for line in order.lines]


def _draft(
    tx: Tx,
    wanted: NewSalesOrder,
    number: str,
    customers: dict[str, Customer],
    entries: dict[tuple[str, str], store.CatalogueEntry],
    *,
    auto_flag_special: bool,
) -> Picture | TielineError:
    try:
        customer = customers.get(wanted.customer)
        if customer is None:
            raise UnknownCustomer(
                f"There is no customer {wanted.customer}: create it with POST /v1/customers",
                customer=wanted.customer,
            )
        may_set_priority(tx, wanted.priority, wanted.priority_reason)
        order = new_order(
            _wanted_order(wanted),
            customer,
            order_id=new_id(),
            number=number,
            now=tx.now,
            created_by=tx.actor,
            creator_scopes=_approvals(tx),
        )
        lines = tuple(
            resolved_line(
                tx, line, wanted.warehouse, order, line_no, entries, auto_flag_special=auto_flag_special
            )
            for line_no, line in enumerate(wanted.lines, start=1)
        )
        comments_must_fit(lines)
        draft = Picture(
            with_marks(order, lines),
            lines,
            customer_on_hold=customer.credit_hold,
            ship_to=customer.ship_to(wanted.ship_to),
        )
        if wanted.open:
            must_have_lines(draft)
    except TielineError as problem:
        return problem
    return draft


def _approvals(tx: Tx) -> tuple[str, ...]:
    scopes = tx.principal.scopes if tx.principal else frozenset()
    return tuple(sorted(scope for scope in scopes if scope.startswith("approve:")))


def may_set_priority(tx: Tx, priority: int, reason: str | None) -> None:
    """ORD-3: a priority needs its scope and a reason."""
    if priority == 0:
        return
    if tx.principal is None or PRIORITY_SCOPE not in tx.principal.scopes:
        raise PriorityNotAllowed(
            f"A fulfilment priority needs the scope {PRIORITY_SCOPE}; send the order without one",
            needed=PRIORITY_SCOPE,
        )
    if not reason:
        raise ReasonMissing(
            "A change of priority needs a reason, which is kept in the log", priority=priority
        )


def resolved_line(
    tx: Tx,
    wanted: NewLine,
    default_warehouse: str | None,
    order: Order,
    line_no: int,
    entries: dict[tuple[str, str], store.CatalogueEntry],
    *,
    auto_flag_special: bool,
) -> Line:
    """A line from what orders knows of its item and warehouse."""
    warehouse = wanted.warehouse or default_warehouse
    if warehouse is None:
        raise WarehouseMissing(
            f"Line {line_no} ({wanted.sku}) has no warehouse: name one on the line or on the order",
            line_no=line_no,
        )
    entry = entries[wanted.sku, warehouse]
    if not entry.warehouse_known or not tx.scope.allows(warehouse):
        raise UnknownWarehouse(
            f"Line {line_no}: orders knows no warehouse {warehouse} that you may use; one that was just created "
            "arrives within a moment",
            line_no=line_no,
            warehouse=warehouse,
        )
    return new_line(
        _wanted_line(wanted),
        known_item(entry, wanted.sku),
        warehouse,
        order,
        line_id=new_id(),
        line_no=line_no,
        auto_flag_special=auto_flag_special,
    )


def known_item(entry: store.CatalogueEntry, sku: str) -> Item:
    """The item; refused with what to do when orders has not heard of it."""
    if entry.item is None:
        raise UnknownItem(
            f"Orders knows no item {sku}: create it in inventory, or wait for one that was just created with "
            f"GET /v1/catalogue-items/{sku}?wait=5",
            sku=sku,
        )
    return entry.item


def _wanted_order(wanted: NewSalesOrder) -> WantedOrder:
    return WantedOrder(
        wanted.ship_to,
        wanted.ship_type,
        wanted.priority,
        wanted.currency,
        wanted.carrier,
        wanted.team,
        wanted.reference,
        wanted.requested_on,
    )


def _wanted_line(wanted: NewLine) -> WantedLine:
    return WantedLine(
        sku=wanted.sku,
        qty=wanted.qty,
        price=wanted.price,
        discount=wanted.discount,
        tax_rate=wanted.tax_rate,
        special_order=wanted.special_order,
        drop_ship=wanted.drop_ship,
        source=Source(wanted.source.vendor, wanted.source.warehouse) if wanted.source else None,
        cost=wanted.cost,
        cost_unit=wanted.cost_unit,
        free_of_charge=wanted.free_of_charge,
        all_or_nothing=wanted.all_or_nothing,
        shortage=wanted.shortage,
        requested_on=wanted.requested_on,
        comments=tuple(wanted.comments),
    )


async def _open(
    tx: Tx, drafts: Sequence[tuple[Tx, Picture]], figures: Figures
) -> list[Settled | TielineError]:
    """Drafts become demand, version 1 (ORD-1, SO-1), their shortages answered (BO-1); nothing is saved yet."""
    chosen = await preferences(tx, Preferences)
    pictures = [opened(draft, own.now, own.actor, new_id) for own, draft in drafts]
    shelf = Shelf(figures)
    results: list[Settled | TielineError] = []
    for picture in pictures:
        try:
            shelf.must_know([(picture, all_of(picture))])
            ready = answered(picture, all_of(picture), shelf, now=tx.now, new_id=new_id)
        except (ShortageDecisionRequired, FiguresWanted) as question:
            results.append(question)
            continue
        results.append(settle(ready, now=tx.now, new_id=new_id, must_tell=Tell.OPENED, **rules(chosen)))
    return results


def _record_new(tx: Tx, settled: Settled, wanted: NewSalesOrder) -> None:
    picture = settled.picture
    order = picture.order
    empty = changed(picture, lines=(), specials=())
    head = {
        "number": order.number,
        "state": order.state,
        "customer": order.customer,
        "ship_to": order.ship_to_code,
        "ship_type": order.ship_type,
        "priority": order.priority,
    }
    cause = Cause("created", reason=wanted.priority_reason)
    record(tx, Change(empty, picture, cause, more_log=[("", "created", None, head)]), settled)
