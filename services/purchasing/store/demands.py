"""Demands with their figures: copies of orders' lines, of inventory's allotments, and our own ties."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, select, text

from services.purchasing.domain.demand import Demand, DemandKey, Kind, RequestState, Tie
from services.purchasing.store.rows import packed, replacing, upsert
from services.purchasing.tables import allotments, demands, standings, ties
from shared.decimals import ZERO
from shared.unit_of_work import Tx

_KEYS = (bindparam("lines", type_=ARRAY(Uuid)), bindparam("components", type_=ARRAY(Integer)))

_SNAPSHOT = (
    "order_version", "order_state", "line_no", "parent_line_id", "customer", "sku", "description", "kind", "unit",
    "precision", "product_line", "warehouse", "special_order", "drop_ship", "special_order_id", "vendor",
    "source_warehouse", "cost", "cost_overridden", "cost_unit", "free_of_charge", "currency", "ordered",
    "cancel_wanted", "priority", "ranked_at", "requested_on", "credit_hold", "created_by", "creator_scopes",
    "comments", "bought",
)  # fmt: skip
_HEAR = upsert(
    demands,
    key=("line_id", "component"),
    columns=("line_id", "component", "request_id", "order_id", "order_number", *_SNAPSHOT, "ever_tied",
             "left_to_buyer", "request_state", "need"),
    update=replacing(_SNAPSHOT)
    + ", left_to_buyer = demands.left_to_buyer AND (demands.vendor, demands.source_warehouse)"
      " IS NOT DISTINCT FROM (excluded.vendor, excluded.source_warehouse)",
    tail="WHERE demands.order_version < excluded.order_version RETURNING line_id, component",
)  # fmt: skip
_BIRTH = {"ever_tied": False, "left_to_buyer": False, "request_state": "none", "need": "0"}


async def hear_demands(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> set[DemandKey]:
    """Store order lines as newer snapshots tell them; the keys that are new or changed come back."""
    heard = await tx.db.execute(_HEAR, packed({**row, **_BIRTH} for row in rows))
    return {(row.line_id, row.component) for row in heard}


_STANDINGS = upsert(
    standings,
    key=("line_id", "component"),
    columns=("line_id", "component", "settled_version"),
    update="settled_version = greatest(standings.settled_version, excluded.settled_version)",
)


async def hear_standings(tx: Tx, settled: Mapping[DemandKey, int]) -> None:
    """Remember up to which version of the order inventory has settled each line; it only grows."""
    if settled:
        rows = ({"line_id": k[0], "component": k[1], "settled_version": v} for k, v in settled.items())
        await tx.db.execute(_STANDINGS, packed(rows))


_FIGURES = ("withdrawn", "failed", "passed", "shipped", "returned", "missing")
_RAISED = {name: f"greatest(allotments.{name}, excluded.{name})" for name in _FIGURES}
# inventory fails or takes units while shipping returns the same ones: they are counted once, inventory's word first,
# as inventory itself counts them; least() knows no bound while the birth quantity is unknown
_ROOM = f"coalesce(allotments.qty, excluded.qty) - {_RAISED['withdrawn']} - {_RAISED['failed']}"
_SHIPPED = f"least({_RAISED['shipped']}, {_ROOM})"
_RETURNED = f"least({_RAISED['returned']}, {_ROOM} - {_SHIPPED})"
_BOUNDED = {
    **_RAISED,
    "shipped": _SHIPPED,
    "returned": _RETURNED,
    "missing": f"least({_RAISED['missing']}, {_RETURNED})",
}
_ALLOTMENTS = upsert(
    allotments,
    key=("allotment_id",),
    columns=("allotment_id", "line_id", "component", "tie_id", "receipt_line_id", "qty", *_FIGURES),
    update="tie_id = coalesce(allotments.tie_id, excluded.tie_id), "
    "receipt_line_id = coalesce(allotments.receipt_line_id, excluded.receipt_line_id), "
    "qty = coalesce(allotments.qty, excluded.qty), "
    + ", ".join(f"{name} = {value}" for name, value in _BOUNDED.items()),
)


@dataclass(frozen=True)
class AllotmentRow:
    """What one fact says of an allotment; figures that it does not know are zero, the birth quantity None."""

    allotment_id: UUID
    line_id: UUID
    component: int
    tie_id: UUID | None = None
    receipt_line_id: UUID | None = None
    qty: Decimal | None = None
    figures: Mapping[str, Decimal] = field(default_factory=dict)

    def and_(self, other: "AllotmentRow") -> "AllotmentRow":
        """Two facts about one allotment: every figure is the greater one."""
        names = {*self.figures, *other.figures}
        return AllotmentRow(
            self.allotment_id,
            self.line_id,
            self.component,
            self.tie_id or other.tie_id,
            self.receipt_line_id or other.receipt_line_id,
            self.qty if self.qty is not None else other.qty,
            {name: max(self.figures.get(name, ZERO), other.figures.get(name, ZERO)) for name in names},
        )


async def hear_allotments(tx: Tx, heard: Iterable[AllotmentRow]) -> None:
    """Store the figures of allotments: absolute, only growing, in whatever order they come."""
    folded: dict[UUID, AllotmentRow] = {}
    for row in heard:
        known = folded.get(row.allotment_id)
        folded[row.allotment_id] = known.and_(row) if known else row
    if folded:
        await tx.db.execute(_ALLOTMENTS, packed(_allotment_row(row) for row in folded.values()))


def _allotment_row(row: AllotmentRow) -> dict[str, Any]:
    return {
        "allotment_id": row.allotment_id, "line_id": row.line_id, "component": row.component, "tie_id": row.tie_id,
        "receipt_line_id": row.receipt_line_id, "qty": row.qty,
        **{figure: row.figures.get(figure, ZERO) for figure in _FIGURES},
    }  # fmt: skip


# --- loading under lock ---

# the linked lines of a split or an increase are locked along: supply may pass between them
_FAMILY = (
    text(
        """
    WITH wanted AS (SELECT * FROM unnest(:lines, :components) AS wanted(line_id, component))
    SELECT line_id, component FROM wanted
    UNION
    SELECT child.line_id, child.component FROM wanted
    JOIN demands child ON child.parent_line_id = wanted.line_id AND child.component = wanted.component
    UNION
    SELECT mine.parent_line_id, mine.component FROM wanted
    JOIN demands mine ON mine.line_id = wanted.line_id AND mine.component = wanted.component
    WHERE mine.parent_line_id IS NOT NULL
    """
    )
    .bindparams(*_KEYS)
    .columns(line_id=Uuid, component=Integer)
    .subquery("family")
)
_CONCERNED = (
    select(demands)
    .join(_FAMILY, (_FAMILY.c.line_id == demands.c.line_id) & (_FAMILY.c.component == demands.c.component))
    .where(demands.c.bought | demands.c.ever_tied | (demands.c.request_state != "none"))
    .order_by(demands.c.line_id, demands.c.component)
)
_LOCK = _CONCERNED.with_for_update(key_share=True, of=demands)
_LOCK_AT_ONCE = _CONCERNED.with_for_update(key_share=True, of=demands, nowait=True)

_GRANTED = text(
    """
    SELECT wanted.line_id, wanted.component, standings.settled_version, sums.granted, sums.came_back
    FROM unnest(:lines, :components) AS wanted(line_id, component)
    LEFT JOIN standings USING (line_id, component)
    LEFT JOIN LATERAL (
        SELECT sum(qty - withdrawn - failed - returned) AS granted,
               sum(returned - missing) FILTER (WHERE tie_id IS NULL) AS came_back
        FROM allotments
        WHERE (allotments.line_id, allotments.component) = (wanted.line_id, wanted.component) AND qty IS NOT NULL
    ) AS sums ON true
    """
).bindparams(*_KEYS)

# what a shipment gave back and was found comes again as a further peg, so it does not count as pegged twice
TIE_COLUMNS = """
    ties.*, demands.priority, demands.ranked_at,
    (SELECT coalesce(sum(qty - returned + missing), 0) FROM allotments
     WHERE allotments.tie_id = ties.id AND qty IS NOT NULL) AS pegged
"""
_TIES = text(
    f"""
    SELECT {TIE_COLUMNS} FROM unnest(:lines, :components) AS wanted(line_id, component)
    JOIN ties USING (line_id, component) JOIN demands USING (line_id, component) ORDER BY ties.id
    """  # noqa: S608  # our own columns
).bindparams(*_KEYS)


async def lock_demands(tx: Tx, keys: Collection[DemandKey], *, at_once: bool = False) -> list[Demand]:
    """The demands of these keys and their linked lines, locked in key order, with the figures as they now stand.

    Lines that buying never touches (stock lines without a tie) are left out and not locked. The figures are read in
    statements of their own, after the lock: the locking statement's snapshot may be older than what it waited for.
    `at_once` fails instead of waiting (and the transaction is tried again), for a lock taken out of the written order.
    """
    if not keys:
        return []
    rows = (await tx.db.execute(_LOCK_AT_ONCE if at_once else _LOCK, _arrays(keys))).all()
    if not rows:
        return []
    arrays = _arrays([(row.line_id, row.component) for row in rows])
    granted = {(row.line_id, row.component): row for row in await tx.db.execute(_GRANTED, arrays)}
    linked: dict[DemandKey, list[Tie]] = defaultdict(list)
    if any(row.ever_tied for row in rows):
        for row in await tx.db.execute(_TIES, arrays):
            linked[row.line_id, row.component].append(tie_of(row))
    return [
        _demand(row, granted[row.line_id, row.component], linked[row.line_id, row.component]) for row in rows
    ]


def _arrays(keys: Iterable[DemandKey]) -> dict[str, list[Any]]:
    wanted = sorted(keys)
    return {"lines": [line for line, _ in wanted], "components": [component for _, component in wanted]}


def tie_of(row: Any) -> Tie:
    """A tie's row with rank and pegs."""
    return Tie(
        row.id, row.po_id, row.po_line_id, row.line_id, row.component, row.order_id, row.order_number, row.line_no,
        row.special_order_id, row.sku, row.unit, row.qty, row.priority, row.ranked_at, row.closed, row.missed,
        row.pegged, row.closed_reason,
    )  # fmt: skip


def _demand(row: Any, figures: Any, linked: Sequence[Tie]) -> Demand:
    return Demand(
        line_id=row.line_id, component=row.component, request_id=row.request_id, order_id=row.order_id,
        order_number=row.order_number, order_version=row.order_version, order_state=row.order_state,
        line_no=row.line_no, parent_line_id=row.parent_line_id, sku=row.sku, description=row.description,
        kind=Kind(row.kind), unit=row.unit, precision=row.precision, product_line=row.product_line,
        warehouse=row.warehouse, special_order=row.special_order, drop_ship=row.drop_ship,
        special_order_id=row.special_order_id, vendor=row.vendor, source_warehouse=row.source_warehouse,
        cost=row.cost, cost_unit=row.cost_unit, free_of_charge=row.free_of_charge, currency=row.currency,
        ordered=row.ordered, cancel_wanted=row.cancel_wanted, priority=row.priority, ranked_at=row.ranked_at,
        credit_hold=row.credit_hold, created_by=row.created_by, comments=tuple(row.comments),
        left_to_buyer=row.left_to_buyer, request_state=RequestState(row.request_state), need=row.need,
        granted=figures.granted or ZERO, came_back=figures.came_back or ZERO,
        settled_version=figures.settled_version or 0, ties=tuple(linked),
    )  # fmt: skip


# --- saving ---

_SETTLED = text(
    """
    UPDATE demands SET need = settled.need, request_state = settled.request_state,
        left_to_buyer = settled.left_to_buyer, ever_tied = demands.ever_tied OR settled.ever_tied,
        requested_at = CASE WHEN settled.request_state = 'none' THEN NULL ELSE coalesce(demands.requested_at, :now) END
    FROM json_populate_recordset(NULL::demands, CAST(:rows AS json)) AS settled
    WHERE (demands.line_id, demands.component) = (settled.line_id, settled.component)
    """
)


@dataclass(frozen=True)
class Settled:
    """What settling came to for one demand."""

    key: DemandKey
    need: Decimal
    request_state: RequestState
    left_to_buyer: bool
    ever_tied: bool


async def save_settled(tx: Tx, settled: Collection[Settled]) -> None:
    """Keep what is now to be bought for these demands; the first time a request was seen is kept with it."""
    if settled:
        rows = (
            {
                "line_id": s.key[0], "component": s.key[1], "need": s.need, "request_state": s.request_state,
                "left_to_buyer": s.left_to_buyer, "ever_tied": s.ever_tied,
            }
            for s in settled
        )  # fmt: skip
        await tx.db.execute(_SETTLED, packed(rows) | {"now": tx.now})


async def leave_to_buyer(tx: Tx, keys: Collection[DemandKey]) -> None:
    """A buyer undid the purchase of these demands: automation does not buy them again."""
    if keys:
        await tx.db.execute(_LEAVE, _arrays(keys))


_LEAVE = text(
    """
    UPDATE demands SET left_to_buyer = true FROM unnest(:lines, :components) AS wanted(line_id, component)
    WHERE (demands.line_id, demands.component) = (wanted.line_id, wanted.component)
    """
).bindparams(*_KEYS)


async def demand_of_request(tx: Tx, request_id: UUID) -> DemandKey | None:
    """Whose request it is, within the caller's warehouses."""
    statement = select(demands.c.line_id, demands.c.component).where(
        demands.c.request_id == request_id, tx.scope.where(demands.c.warehouse)
    )
    row = (await tx.db.execute(statement)).first()
    return (row.line_id, row.component) if row else None


async def exceptions_waiting_for(
    tx: Tx, vendors: Collection[str], skus: Collection[str] | None = None
) -> set[DemandKey]:
    """Demands that something about these vendors (or their prices of these items) may now let be bought."""
    waiting = select(demands.c.line_id, demands.c.component).where(
        demands.c.request_state == "exception", demands.c.vendor.in_(sorted(vendors))
    )
    if skus is not None:
        waiting = waiting.where(demands.c.sku.in_(sorted(skus)))
    return {(row.line_id, row.component) for row in await tx.db.execute(waiting)}


async def demands_tied_to(tx: Tx, po_ids: Collection[UUID]) -> set[DemandKey]:
    """The demands that purchase orders have ties with; read before their locks, because demands are locked first."""
    rows = await tx.db.execute(
        select(ties.c.line_id, ties.c.component).where(ties.c.po_id.in_(sorted(po_ids))).distinct()
    )
    return {(row.line_id, row.component) for row in rows}


async def demands_of_ties(tx: Tx, tie_ids: Collection[UUID]) -> set[DemandKey]:
    """The demands that these ties belong to."""
    rows = await tx.db.execute(select(ties.c.line_id, ties.c.component).where(ties.c.id.in_(sorted(tie_ids))))
    return {(row.line_id, row.component) for row in rows}
