"""The purchase orders of one transaction: taken out under lock, changed, then saved, logged and told once."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.purchasing.domain.cost import Offer
from services.purchasing.domain.demand import Tie
from services.purchasing.domain.purchase_order import FINAL, UNSENT, Break, Line, PurchaseOrder, State
from services.purchasing.handlers.tasks import raise_breaks
from services.purchasing.store import catalogue
from services.purchasing.store import desk as desk_store
from services.purchasing.store import purchase_orders as store
from services.purchasing.store.demands import Settled
from shared.contracts import purchasing as facts
from shared.decimals import plain
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


@dataclass
class Books:
    """Purchase orders as they were and as they are now, and what caused each change."""

    was: dict[UUID, PurchaseOrder] = field(default_factory=dict)
    now: dict[UUID, PurchaseOrder] = field(default_factory=dict)
    causes: dict[UUID, Told[Any]] = field(default_factory=dict)
    tasks: list[desk_store.Task] = field(default_factory=list)
    places: dict[str, catalogue.Place] = field(default_factory=dict)
    drafts: dict[tuple[str, str], Collection[UUID]] = field(default_factory=dict)
    """Unsent purchase orders by vendor and warehouse, as last looked up; none of them is locked."""
    received: dict[UUID, Decimal] = field(default_factory=dict)
    """What has arrived of each line of the purchase orders taken, over all receipts heard."""
    settled: list[Settled] = field(default_factory=list)
    """What demands came to: saved along."""
    touched: set[UUID] = field(default_factory=set)
    """What changed only beside the purchase order (a question about it): its version moves along."""

    async def take(self, tx: Tx, po_ids: Collection[UUID]) -> None:
        """Lock and load purchase orders that are not in hand yet."""
        unknown = [po_id for po_id in po_ids if po_id not in self.now]
        found, received = await store.lock_purchase_orders(tx, unknown)
        self.was.update(found)
        self.now.update(found)
        self.received.update(received)

    async def look(self, tx: Tx, wanted: Collection[tuple[str, str, str]]) -> Mapping[tuple[str, str], Offer]:
        """The offers for (vendor, warehouse, sku); what else buying them needs to know is kept here."""
        market = await catalogue.market(tx, wanted)
        self.places.update(market.places)
        self.drafts.update(market.drafts)
        return market.offers

    def put(self, po: PurchaseOrder, because: Told[Any] | None = None) -> None:
        """A changed or new purchase order; the first cause of a change is the one that is told."""
        self.now[po.po_id] = po
        if because is not None:
            self.causes.setdefault(po.po_id, because)

    async def know_places(self, tx: Tx, warehouses: Collection[str]) -> None:
        """Look up what new purchase orders need of their warehouses."""
        if unknown := set(warehouses) - set(self.places):
            self.places.update(await catalogue.places(tx, unknown))

    def local_day(self, tx: Tx, warehouse: str) -> date:
        """Today, where the warehouse is; in UTC as long as the warehouse is not known here."""
        place = self.places.get(warehouse)
        try:
            zone = ZoneInfo(place.time_zone if place else "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        return tx.now.astimezone(zone).date()

    def note(self, tx: Tx, po: PurchaseOrder, broken: Break, reason: str) -> None:
        """A tie of a sent purchase order was broken from the demand's side: its buyer should know (BUY-16)."""
        tie, left = broken.tie, f"{plain(broken.qty)} {broken.tie.unit} of {broken.tie.sku}"
        self.tasks.append(
            desk_store.Task(
                id=new_id(), kind=facts.TaskKind.TIE_BROKEN, buyer=po.buyer, warehouse=po.warehouse, po_id=po.po_id,
                po_number=po.number, po_line_no=broken.line_no, tie_id=tie.tie_id, tie_closed=tie.closed + broken.qty,
                order_id=tie.order_id, order_number=tie.order_number, line_id=tie.line_id, line_no=tie.line_no,
                component=tie.component, sku=tie.sku, qty=broken.qty, reason=reason, created_at=tx.now,
                message=f"{po.number} line {broken.line_no}: {reason}; {left} stay on the purchase order, untied",
            )
        )  # fmt: skip

    async def close(self, tx: Tx) -> None:
        """Save, log and tell every purchase order that has changed, each once; one without a number has one then."""
        changed = [po for po in self.now.values() if self.was.get(po.po_id) != po or po.po_id in self.touched]
        final = [self._counted(po, tx.now) for po in sorted(changed, key=_id)]
        companies = {code: place.company for code, place in self.places.items()}
        numbers = await store.save_purchase_orders(tx, self.was, final, companies, self.settled)
        self.settled.clear()
        final = [po if po.number else replace(po, number=numbers[po.po_id]) for po in final]
        await raise_breaks(tx, self.tasks, self.causes)
        for po in final:
            old, because = self.was.get(po.po_id), self.causes.get(po.po_id)
            log_purchase_order(tx, old, po, because)
            if old is None or po.told > old.told:
                tx.announce(snapshot(old, po), because)
            self.now[po.po_id] = self.was[po.po_id] = po
        self.touched.clear()
        self.tasks.clear()

    def _counted(self, po: PurchaseOrder, now: datetime) -> PurchaseOrder:
        old = self.was.get(po.po_id)
        tells = old is None or _telling(old) != _telling(po)
        ended_at = (po.ended_at or now) if po.state in FINAL else None
        return replace(po, version=po.version + 1, told=po.told + tells, ended_at=ended_at)


def _id(po: PurchaseOrder) -> UUID:
    return po.po_id


def _telling(po: PurchaseOrder) -> tuple[Any, ...]:
    """What of a purchase order is told: receipts and pegs are inventory's to tell, counters and reasons nobody's."""
    arriving = po.state in (State.PARTIALLY_RECEIVED, State.RECEIVED)
    lines = [(_of_line(line), [_of_tie(tie) for tie in line.ties]) for line in po.lines]
    return State.OPEN if arriving else po.state, _of_order(po), lines


def _but(kind: type[Any], *untold: str) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(one.name for one in fields(kind) if one.name not in untold))


_of_order = _but(PurchaseOrder, "state", "version", "told", "finishing", "reason", "ended_at", "lines")
_of_line = _but(Line, "received", "reason", "stock_wanted", "agreed_on", "purchase_price", "ties")
_of_tie = _but(Tie, "pegged", "priority", "ranked_at")


# --- telling ---


def snapshot(old: PurchaseOrder | None, po: PurchaseOrder) -> facts.PurchaseOrderSnapshot:
    """The fact that tells this purchase order as it now stands."""
    return _kind(old, po)(
        po_id=po.po_id, number=po.number, version=po.told, state=facts.PurchaseOrderState(po.state), vendor=po.vendor,
        warehouse=po.warehouse, currency=po.currency, sent_at=po.sent_at,
        lines=[_told_line(line) for line in po.lines],
    )  # fmt: skip


def _kind(old: PurchaseOrder | None, po: PurchaseOrder) -> type[facts.PurchaseOrderSnapshot]:
    if po.state is State.CANCELLED:
        return facts.PurchaseOrderCancelled
    if po.state is State.CLOSED:
        return facts.PurchaseOrderClosed
    was_unsent = old is None or old.state in UNSENT
    return facts.PurchaseOrderOpened if was_unsent and po.is_sent else facts.PurchaseOrderChanged


def _told_line(line: Line) -> facts.PurchaseOrderLine:
    return facts.PurchaseOrderLine(
        po_line_id=line.po_line_id, line_no=line.line_no, sku=line.sku, description=line.description, unit=line.unit,
        ordered=line.ordered, cancelled=line.cancelled, purchase_unit=line.packing.purchase_unit,
        units_per=line.packing.units_per, cost=line.cost, expected_on=line.expected_on,
        ties=[_told_tie(tie) for tie in line.ties],
    )  # fmt: skip


def _told_tie(tie: Tie) -> facts.Tie:
    return facts.Tie(
        tie_id=tie.tie_id, special_order_id=tie.special_order_id, order_id=tie.order_id,
        order_number=tie.order_number, line_id=tie.line_id, line_no=tie.line_no, component=tie.component, qty=tie.qty,
        closed=tie.broken, closed_reason=tie.closed_reason,
    )  # fmt: skip


# --- logging ---


def log_purchase_order(
    tx: Tx, old: PurchaseOrder | None, po: PurchaseOrder, because: Told[Any] | None
) -> None:
    """One record-log row for the purchase order, one for each line that changed (ORD-5)."""
    before, after = (_heading(old) if old else None), _heading(po)
    if before != after:
        tx.record(
            "purchase_order", po.po_id, _action(old, po), before, after, reason=po.reason, because=because
        )
    was = {line.po_line_id: _figures(line) for line in old.lines} if old else {}
    for line in po.lines:
        before, after = was.get(line.po_line_id), _figures(line)
        if before != after:
            action = "line changed" if before else "line added"
            part = f"line {line.line_no}"
            tx.record(
                "purchase_order",
                po.po_id,
                action,
                before,
                after,
                part=part,
                reason=line.reason,
                because=because,
            )


def _action(old: PurchaseOrder | None, po: PurchaseOrder) -> str:
    if old is None:
        return "opened" if po.is_sent else "drafted"
    if old.state is not po.state:
        return po.state.replace("_", " ")
    return "changed"


def _heading(po: PurchaseOrder) -> Mapping[str, Any]:
    return {
        "number": po.number, "state": po.state, "vendor": po.vendor, "warehouse": po.warehouse,
        "currency": po.currency, "buyer": po.buyer, "finishing": po.finishing,
    }  # fmt: skip


def _figures(line: Line) -> Mapping[str, Any]:
    return {
        "sku": line.sku, "ordered": line.ordered, "cancelled": line.cancelled, "received": line.received,
        "cost": line.cost, "cost_source": line.cost_source, "expected_on": line.expected_on,
        "agreed_on": line.agreed_on, "untied": line.untied,
        "ties": [
            {
                "order": tie.order_number, "line": tie.line_no, "component": tie.component, "qty": tie.qty,
                "closed": tie.closed, "missed": tie.missed, "reason": tie.closed_reason,
            }
            for tie in line.ties
        ],
    }  # fmt: skip
