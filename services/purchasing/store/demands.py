"""Demands with their figures: copies of orders' lines, what inventory granted of them, and our own ties."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, Uuid, bindparam, select, text

from services.purchasing.domain.demand import Demand, DemandKey, Kind, RequestState, Tie
from services.purchasing.store.rows import packed, replacing, upsert_of
from services.purchasing.tables import demands, standings, ties
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
# whoever tells something for a demand may not see it yet, nor be seen: the two meet at its standing, which is written (or
# locked) before the demand, as they do it; the later one sees all that the other told
_MEET = upsert_of(
    standings,
    source="""(
        SELECT told.line_id, told.component, 0 AS settled_version FROM told LEFT JOIN LATERAL (
            SELECT bought FROM demands
            WHERE (demands.line_id, demands.component) = (told.line_id, told.component) OFFSET 0) AS known ON true
        WHERE told.bought AND known.bought IS NOT TRUE
    ) AS to_buy""",
    key=("line_id", "component"),
    columns=("line_id", "component", "settled_version"),
    update="settled_version = standings.settled_version",
    tail="WHERE false RETURNING line_id",
)
_KEEP = upsert_of(
    demands,
    source="(SELECT * FROM told WHERE (SELECT count(*) FROM met) >= 0) AS given",
    key=("line_id", "component"),
    columns=("line_id", "component", "request_id", "order_id", "order_number", *_SNAPSHOT, "ever_tied",
             "left_to_buyer", "request_state", "need"),
    update=replacing(_SNAPSHOT)
    + ", left_to_buyer = demands.left_to_buyer AND (demands.vendor, demands.source_warehouse)"
      " IS NOT DISTINCT FROM (excluded.vendor, excluded.source_warehouse)",
    tail="WHERE demands.order_version < excluded.order_version RETURNING line_id, component",
)  # fmt: skip
_HEAR = text(
    f"""
    WITH told AS (SELECT * FROM json_populate_recordset(NULL::demands, CAST(:rows AS json))), met AS ({_MEET})
    {_KEEP}
    """  # noqa: S608  # our own columns
).bindparams(bindparam("rows", type_=Text))
_BIRTH = {"ever_tied": False, "left_to_buyer": False, "request_state": "none", "need": "0"}


async def hear_demands(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> set[DemandKey]:
    """Store order lines as newer snapshots tell them; the keys that are new or changed come back."""
    heard = await tx.db.execute(_HEAR, packed({**row, **_BIRTH} for row in rows))
    return {(row.line_id, row.component) for row in heard}


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
_DEMAND = (
    "line_id", "component", "request_id", "order_id", "order_number", "order_version", "order_state", "line_no",
    "parent_line_id", "sku", "description", "kind", "unit", "precision", "product_line", "warehouse", "special_order",
    "drop_ship", "special_order_id", "vendor", "source_warehouse", "cost", "cost_unit", "free_of_charge", "currency",
    "ordered", "cancel_wanted", "priority", "ranked_at", "credit_hold", "created_by", "comments", "left_to_buyer",
    "request_state", "need",
)  # fmt: skip
"""The columns of a demand, in the order of its fields; what is worked out of others follows them."""
_KIND, _COMMENTS, _STATE, _PRIORITY, _RANKED_AT = (
    _DEMAND.index(name) for name in ("kind", "comments", "request_state", "priority", "ranked_at")
)
_CONCERNED = (
    select(*(demands.c[name] for name in _DEMAND))
    .join(_FAMILY, (_FAMILY.c.line_id == demands.c.line_id) & (_FAMILY.c.component == demands.c.component))
    .where(demands.c.bought | demands.c.ever_tied | (demands.c.request_state != "none"))
    .order_by(demands.c.line_id, demands.c.component)
)
_LOCK = _CONCERNED.with_for_update(key_share=True, of=demands)
_LOCK_AT_ONCE = _CONCERNED.with_for_update(key_share=True, of=demands, nowait=True)

# what a shipment gave back and was found comes again as a further peg, so it does not count as pegged twice
PEGGED = """
    (SELECT coalesce(sum(qty - returned + missing), 0) FROM allotments
     WHERE allotments.tie_id = ties.id AND qty IS NOT NULL)
"""
TIE = (
    "id", "po_id", "po_line_id", "line_id", "component", "order_id", "order_number", "line_no", "special_order_id",
    "sku", "unit", "qty", "closed", "missed",
)  # fmt: skip
_RANK = TIE.index("qty") + 1
"""Where the fields of a tie have its demand's rank, which stands in no column of it."""
TIE_COLUMNS = (
    f"{', '.join(f'ties.{name} AS tie_{name}' for name in TIE)}, {PEGGED} AS pegged, ties.closed_reason"
)
"""A tie with what it has pegged, in the order of its fields."""
_SUMS = ("line_id", "component", "settled_version", "granted", "came_back")
_FIGURES = text(
    f"""
    SELECT wanted.line_id, wanted.component, standings.settled_version, sums.granted, sums.came_back,
           {TIE_COLUMNS}
    FROM unnest(:lines, :components) AS wanted(line_id, component)
    LEFT JOIN standings USING (line_id, component)
    LEFT JOIN LATERAL (
        SELECT sum(qty - withdrawn - failed - returned) AS granted,
               sum(returned - missing) FILTER (WHERE tie_id IS NULL) AS came_back
        FROM allotments
        WHERE (allotments.line_id, allotments.component) = (wanted.line_id, wanted.component) AND qty IS NOT NULL
    ) AS sums ON true
    LEFT JOIN ties ON (ties.line_id, ties.component) = (wanted.line_id, wanted.component)
    ORDER BY ties.id
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
    figures: dict[DemandKey, list[Any]] = defaultdict(list)
    for row in await tx.db.execute(_FIGURES, _arrays([(row[0], row[1]) for row in rows])):
        figures[row[0], row[1]].append(row)
    return [_demand(row, figures[row[0], row[1]]) for row in rows]


def _arrays(keys: Iterable[DemandKey]) -> dict[str, list[Any]]:
    wanted = list(keys)  # whoever locks says in which order
    return {"lines": [line for line, _ in wanted], "components": [component for _, component in wanted]}


def tie_of(columns: Sequence[Any], priority: int, ranked_at: datetime) -> Tie:
    """A tie from its columns and what it has pegged, with the rank of its demand."""
    values = (*columns[:_RANK], priority, ranked_at, *columns[_RANK:])
    return Tie(*values)


def _demand(row: Any, figures: Sequence[Any]) -> Demand:
    values = list(row)
    values[_KIND] = Kind(values[_KIND])
    values[_COMMENTS] = tuple(values[_COMMENTS])
    values[_STATE] = RequestState(values[_STATE])
    sums, width = figures[0], len(_SUMS)
    rank = values[_PRIORITY], values[_RANKED_AT]
    linked = tuple(tie_of(one[width:], *rank) for one in figures if one[width] is not None)
    values += (sums.granted or ZERO, sums.came_back or ZERO, sums.settled_version or 0, linked)
    return Demand(*values)


# --- saving ---

SAVE_SETTLED = """
    UPDATE demands SET need = settled.need, request_state = settled.request_state,
        left_to_buyer = settled.left_to_buyer, ever_tied = demands.ever_tied OR settled.ever_tied,
        requested_at = CASE WHEN settled.request_state = 'none' THEN NULL ELSE coalesce(demands.requested_at, :now) END
    FROM json_populate_recordset(NULL::demands, CAST(:settled AS json)) AS settled
    WHERE (demands.line_id, demands.component) = (settled.line_id, settled.component)
"""
"""The first time a request was seen is kept with it."""


@dataclass(frozen=True)
class Settled:
    """What settling came to for one demand."""

    key: DemandKey
    need: Decimal
    request_state: RequestState
    left_to_buyer: bool
    ever_tied: bool


def settled_row(settled: Settled) -> dict[str, Any]:
    """What is now to be bought for a demand, as a row."""
    return {
        "line_id": settled.key[0], "component": settled.key[1], "need": settled.need,
        "request_state": settled.request_state, "left_to_buyer": settled.left_to_buyer,
        "ever_tied": settled.ever_tied,
    }  # fmt: skip


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
