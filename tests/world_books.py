"""What must hold in a world of five services when nothing is on its way: plain sums over their tables.

The same sums as `tieline check` makes over live databases (reliability.md, section 5), written a second time on purpose:
the two are each other's oracle.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.tests.scene import BROKEN_BOOKS
from tests.world import World

Row = Mapping[str, Any]
Figures = tuple[Decimal, ...]
ZERO = Decimal(0)

READ = {
    "orders": ("sales_orders", "order_lines", "allotments", "ties", "purchase_orders", "shipments", "shipment_shares",
               "invoices", "invoice_lines", "special_orders", "line_exceptions", "inspections", "customers"),
    "inventory": ("demand", "allotments", "ties", "purchase_orders", "purchase_order_lines", "receipt_lines",
                  "inspections", "questions", "incoming_shipments", "incoming_lines", "stock"),
    "purchasing": ("demands", "allotments", "ties", "purchase_orders", "purchase_order_lines",
                   "purchase_order_receipts", "exceptions", "supply_reductions", "standings"),
    "shipping": ("allotments", "shipments", "shipment_lines", "shipment_shares"),
    "notifications": ("notices", "notice_concerns", "findings"),
}  # fmt: skip
ENDED = frozenset({"closed", "cancelled"})


class Books:
    """All tables that matter, by service and name."""

    def __init__(self, tables: dict[str, dict[str, list[Row]]]) -> None:
        self.tables = tables
        self.numbers = {row["id"]: row["number"] for row in self.all("orders.sales_orders")}
        self.lines = {row["id"]: row for row in self.all("orders.order_lines")}

    def all(self, name: str) -> list[Row]:
        """The rows of `service.table`."""
        service, table = name.split(".")
        return self.tables[service][table]

    def by(self, name: str, *columns: str) -> dict[Any, Row]:
        """The rows by key; a single column is a plain key."""
        return {_key(row, columns): row for row in self.all(name)}

    def sums(self, name: str, by: tuple[str, ...], *figures: str) -> dict[Any, Figures]:
        """Sums of columns by key."""
        found: dict[Any, list[Decimal]] = defaultdict(lambda: [ZERO] * len(figures))
        for row in self.all(name):
            held = found[_key(row, by)]
            for n, figure in enumerate(figures):
                held[n] += row[figure]
        return {key: tuple(values) for key, values in found.items()}

    def name(self, line_id: UUID) -> str:
        """`SO-000012/2 LAMP`."""
        line = self.lines.get(line_id)
        return (
            f"{self.numbers[line['order_id']]}/{line['line_no']} {line['sku']}" if line else f"line {line_id}"
        )


def _key(row: Row, columns: tuple[str, ...]) -> Any:
    return row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)


async def read_books(world: World) -> Books:
    """Read them all."""
    return Books(
        {
            service: {
                table: [dict(row._mapping) for row in await world.rows(service, f"SELECT * FROM {table}")]
                for table in tables
            }
            for service, tables in READ.items()
        }
    )


async def differences(world: World) -> list[str]:
    """Everything that does not add up, in words; nothing may be on its way."""
    books = await read_books(world)
    found = [
        f"inventory, {name}: {[str(value) for value in row]}"
        for name, query in BROKEN_BOOKS.items()
        for row in await world.rows("inventory", query)
    ]
    for check in CHECKS:
        found += [f"{check.__name__}: {problem}" for problem in check(books)]
    return found


def lines_add_up(books: Books) -> Iterator[str]:
    """I-6: ordered = cancelled + backordered + granted; a wish is carried out unless units are locked in a pick."""
    locked = _locked_units(books)
    for id_, line in books.lines.items():
        order = books.by("orders.sales_orders", "id")[line["order_id"]]
        if order["told"] == 0 or line["kind"] == "service":
            continue
        if line["cancelled"] + line["granted"] > line["ordered"]:
            yield f"{books.name(id_)} has {line['granted']} and {line['cancelled']} cancelled of {line['ordered']}"
        waiting = line["ordered"] - line["cancelled"] - line["granted"]
        if line["is_backordered"] != (waiting > 0):
            yield f"{books.name(id_)} lacks {waiting}, flag {line['is_backordered']}"
        wish = line["cancel_wanted"] - line["cancelled"]
        if wish > 0 and wish > locked[id_] + line["shipped"]:
            yield f"{books.name(id_)}: {wish} of a wish is not carried out, {locked[id_]} are being picked"
        if order["state"] == "open" and line["settled_version"] < line["wish_version"] and not locked[id_]:
            yield f"{books.name(id_)} was never settled at {line['wish_version']}"


def _locked_units(books: Books) -> "Counter[UUID]":
    states = {row["id"]: row["state"] for row in books.all("shipping.shipments")}
    lines = books.by("shipping.shipment_lines", "id")
    locked: Counter[UUID] = Counter()
    for share in books.all("shipping.shipment_shares"):
        line = lines[share["shipment_line_id"]]
        if states[line["shipment_id"]] in ("picking", "packed"):
            locked[line["line_id"]] += share["qty"]
    return locked


def orders_follow_their_lines(books: Books) -> Iterator[str]:
    """ORD-1: done when every line is shipped or cancelled."""
    of_order: dict[UUID, list[Row]] = defaultdict(list)
    for line in books.lines.values():
        of_order[line["order_id"]].append(line)
    for order in books.all("orders.sales_orders"):
        lines = of_order[order["id"]]
        done = all(line["shipped"] + line["cancelled"] >= line["ordered"] for line in lines)
        if order["state"] == "open" and done:
            yield f"{order['number']} is open, and nothing of it is left"
        if order["state"] in ("filled", "cancelled") and order["told"] and not done:
            yield f"{order['number']} is {order['state']}, and not all of it is done"


def everybody_agrees_on_claims(books: Books) -> Iterator[str]:
    """I-7: all services that know an allotment have the same figures."""
    figures = ("withdrawn", "failed", "passed", "shipped", "returned", "missing")
    copies = {
        "orders": books.by("orders.allotments", "id"),
        "purchasing": books.by("purchasing.allotments", "allotment_id"),
        "shipping": books.by("shipping.allotments", "allotment_id"),
    }
    for id_, own in books.by("inventory.allotments", "id").items():
        for service, known in copies.items():
            copy = known.get(id_)
            if copy is None:
                if service != "shipping":
                    yield f"{service} does not know an allotment of {own['qty']} for {books.name(own['line_id'])}"
                continue
            differing = {f: (own[f], copy[f]) for f in figures if own[f] != copy[f]}
            if service == "shipping" and not own["gated"]:
                # good units that came back are pegged again without a gate: nobody asks shipping to wait for them
                differing.pop("passed", None)
            if service == "shipping" and _is_crossed(own, copy):
                continue
            if differing:
                yield f"{books.name(own['line_id'])}, {own['qty']} of it: inventory and {service} say {differing}"
        if own["withdrawn"] + own["failed"] + own["shipped"] + own["returned"] > own["qty"]:
            yield f"{books.name(own['line_id'])}: units with two fates"
    for service, known in copies.items():
        for id_ in known.keys() - books.by("inventory.allotments", "id").keys():
            yield f"{service} knows an allotment {id_} that inventory does not"


def _is_crossed(own: Row, copy: Row) -> bool:
    """Units that failed while shipping gave the same ones back: shipping keeps its own word, the sums agree."""
    fates = ("withdrawn", "failed", "shipped", "returned")
    return bool(own["failed"]) and sum(own[f] for f in fates) == sum(copy[f] for f in fates) == own["qty"]


def lines_have_what_their_claims_say(books: Books) -> Iterator[str]:
    """I-8: granted and shipped of a line are sums over its allotments, in orders and in inventory."""
    claims = books.sums(
        "inventory.allotments", ("line_id",), "qty", "withdrawn", "failed", "returned", "shipped"
    )
    demands = books.by("inventory.demand", "line_id")
    told = {row["id"] for row in books.all("orders.sales_orders") if row["told"]}
    for id_, line in books.lines.items():
        if line["kind"] == "service" or line["order_id"] not in told:
            continue
        qty, withdrawn, failed, returned, shipped = claims.get(id_, (ZERO,) * 5)
        granted = qty - withdrawn - failed - returned
        demand = demands.get(id_)
        if demand is None:
            yield f"inventory does not know {books.name(id_)}"
            continue
        if (line["granted"], line["shipped"]) != (granted, shipped):
            yield f"{books.name(id_)}: orders says {line['granted']}/{line['shipped']}, claims {granted}/{shipped}"
        if (line["ordered"], line["cancel_wanted"]) != (demand["ordered"], demand["cancel_wanted"]):
            yield f"{books.name(id_)}: inventory wants {demand['ordered']} less {demand['cancel_wanted']}"


def nobody_waits_for_an_answer(books: Books) -> Iterator[str]:
    """No question is open, nothing is asked for that nobody will answer."""
    for row in books.all("inventory.questions"):
        if row["answered_at"] is None:
            yield f"inventory's question about {books.numbers.get(row['order_id'])} ({row['reason']}) is open"
    for row in books.all("inventory.allotments"):
        if row["asked"]:
            yield f"{books.name(row['line_id'])}: {row['asked']} units are marked as asked for"
    for row in books.all("purchasing.supply_reductions"):
        if row["answered_at"] is None:
            yield f"purchasing's reduction {row['question_id']} is not answered"


def ties_agree(books: Books) -> Iterator[str]:
    """I-11: orders and inventory have purchasing's ties, and wait for what it waits for."""
    pos = books.by("purchasing.purchase_orders", "id")
    pegged = _pegged_through(books)
    copies = {"orders": books.by("orders.ties", "id"), "inventory": books.by("inventory.ties", "tie_id")}
    for tie in books.all("purchasing.ties"):
        name = f"{pos[tie['po_id']]['number']}'s tie of {tie['qty']} to {books.name(tie['line_id'])}"
        for service, known in copies.items():
            copy = known.get(tie["id"])
            if copy is None:
                yield f"{service} does not know {name}"
            elif (copy["qty"], copy["closed"]) != (tie["qty"], _broken(tie)):
                yield f"{service} has {copy['qty']}-{copy['closed']} for {name} -{_broken(tie)}"
        left = tie["qty"] - _broken(tie) - pegged[tie["id"]]
        if pos[tie["po_id"]]["state"] in ENDED and left > 0:
            yield f"{name} waits for {left}, and the purchase order is over"
        waits = max(ZERO, tie["qty"] - tie["closed"] - tie["missed"] - pegged[tie["id"]])
        here = copies["inventory"].get(tie["id"])
        if here and _open_here(here) != waits:
            yield f"{name} waits for {waits}: inventory waits for {_open_here(here)}"


def purchase_orders_agree(books: Books) -> Iterator[str]:
    """I-4: the same goods in purchasing and inventory, and no tie beyond its purchase order."""
    pos = books.by("purchasing.purchase_orders", "id")
    copies = books.by("inventory.purchase_order_lines", "po_line_id")
    receipts = books.sums("purchasing.purchase_order_receipts", ("po_line_id",), "received")
    tied: Counter[UUID] = Counter()
    for tie in books.all("purchasing.ties"):
        tied[tie["po_line_id"]] += tie["qty"] - _broken(tie)
    for line in books.all("purchasing.purchase_order_lines"):
        po, copy = pos[line["po_id"]], copies.get(line["id"])
        name = f"{po['number']}/{line['line_no']} {line['sku']}"
        if copy is None:
            if po["told"]:
                yield f"inventory does not know {name}"
            continue
        heard = receipts.get(line["id"], (ZERO,))[0]
        if not line["received"] == heard == copy["received"]:
            yield f"{name}: received {line['received']}, receipts {heard}, inventory {copy['received']}"
        if line["tied"] != tied[line["id"]]:
            yield f"{name}: tied says {line['tied']}, its ties {tied[line['id']]}"
        if tied[line["id"]] > max(line["ordered"] - line["cancelled"], line["received"]):
            yield f"{name}: {tied[line['id']]} tied of {line['ordered']} - {line['cancelled']}"


def _pegged_through(books: Books) -> "Counter[UUID]":
    """What arrived through each tie; units that came back from a shipment and were found are pegged again."""
    found: Counter[UUID] = Counter()
    for claim in books.all("purchasing.allotments"):
        if claim["tie_id"] and claim["qty"] is not None:
            found[claim["tie_id"]] += claim["qty"] - claim["returned"] + claim["missing"]
    return found


def _broken(tie: Row) -> Decimal:
    """What is broken off a tie, by purchasing or because its goods had gone."""
    return Decimal(min(tie["qty"], tie["closed"] + tie["missed"]))


def _open_here(tie: Row) -> Decimal:
    return Decimal(max(ZERO, tie["qty"] - max(tie["closed"], tie["close_floor"]) - tie["pegged"]))


def what_is_to_come_is_expected(books: Books) -> Iterator[str]:
    """SO-16: each open purchase order has one incoming shipment of what is outstanding, others have none."""
    expected: Counter[UUID] = Counter()
    open_shipments = {
        row["id"]
        for row in books.all("inventory.incoming_shipments")
        if row["state"] in ("expected", "receiving")
    }
    for row in books.all("inventory.incoming_lines"):
        if row["shipment_id"] in open_shipments:
            expected[row["po_line_id"]] += row["expected"]
    pos = books.by("purchasing.purchase_orders", "id")
    for line in books.all("purchasing.purchase_order_lines"):
        po = pos[line["po_id"]]
        to_come = ZERO
        if po["state"] in ("open", "partially_received", "received"):
            to_come = max(ZERO, line["ordered"] - line["cancelled"] - line["received"])
        if expected[line["id"]] != to_come:
            yield f"{po['number']}/{line['line_no']} ({po['state']}): {to_come} to come, {expected[line['id']]} expected"


def needs_are_met_or_named(books: Books) -> Iterator[str]:
    """I-11, BUY-5: what a bought line lacks is tied, requested, or has an exception; nothing is bought twice."""
    pegged = _pegged_through(books)
    tied: Counter[tuple[UUID, int]] = Counter()
    for tie in books.all("purchasing.ties"):
        through = pegged[tie["id"]]
        tied[tie["line_id"], tie["component"]] += max(
            ZERO, tie["qty"] - tie["closed"] - tie["missed"] - through
        )
    open_exceptions = {
        (row["line_id"], row["component"])
        for row in books.all("purchasing.exceptions")
        if not row["cleared_at"]
    }
    for demand in books.all("purchasing.demands"):
        key = demand["line_id"], demand["component"]
        line = books.lines[demand["line_id"]]
        if not demand["bought"]:
            continue
        lacking = max(ZERO, line["ordered"] - line["cancel_wanted"] - line["granted"])
        if demand["order_state"] in ("cancelled", "filled", "closed"):
            lacking = min(lacking, ZERO)
        if lacking != max(ZERO, demand["need"]) + tied[key]:
            yield f"{books.name(key[0])} lacks {lacking}: {tied[key]} tied, {demand['need']} requested"
        if (demand["request_state"] == "exception") != (key in open_exceptions):
            yield f"{books.name(key[0])} is {demand['request_state']}, exceptions {key in open_exceptions}"


def special_goods_come_from_receipts(books: Books) -> Iterator[str]:
    """SO-5, I-10: a special line has pegs only, and ships no more than came for it."""
    for claim in books.all("inventory.allotments"):
        line = books.lines[claim["line_id"]]
        special = line["special_order"] or line["kind"] == "nonstock"
        if special and claim["tie_id"] is None:
            yield f"{books.name(claim['line_id'])} is special and got stock"


def receipts_are_inspected_and_noticed(books: Books) -> Iterator[str]:
    """I-9: each receipt line that pegged has one inspection and one notice that say the same."""
    inspections = books.by("inventory.inspections", "receipt_line_id")
    notices = {
        row["subject"]: row for row in books.all("notifications.notices") if row["kind"] == "inspection"
    }
    pegs: Counter[UUID] = Counter()
    for claim in books.all("inventory.allotments"):
        if claim["receipt_line_id"] and claim["generation"] == 0:
            pegs[claim["receipt_line_id"]] += claim["qty"]
    for receipt_line in pegs:
        inspection = inspections.get(receipt_line)
        notice = notices.get(inspection["id"]) if inspection else None
        if inspection is None or notice is None:
            yield f"receipt line {receipt_line} has inspection {bool(inspection)}, notice {bool(notice)}"
            continue
        said = (inspection["state"], inspection["passed"], inspection["failed"])
        if (notice["state"], notice["passed"], notice["failed"]) != said:
            shown = (notice["state"], notice["passed"], notice["failed"])
            yield f"{inspection['number']} is {said}, its notice {notice['number']} says {shown}"


def released_units_stand_on_shipments(books: Books) -> Iterator[str]:
    """I-20: what may ship stands on one shipment that has not left, and nothing else does."""
    states = {row["id"]: row["state"] for row in books.all("shipping.shipments")}
    lines = books.by("shipping.shipment_lines", "id")
    standing: Counter[UUID] = Counter()
    locked: set[UUID] = set()
    shipped: Counter[UUID] = Counter()
    for share in books.all("shipping.shipment_shares"):
        state = states[lines[share["shipment_line_id"]]["shipment_id"]]
        if state in ("pending", "picking", "packed"):
            standing[share["allotment_id"]] += share["qty"]
        if state in ("picking", "packed"):
            locked.add(share["allotment_id"])
        shipped[share["allotment_id"]] += share["shipped"]
    heads = books.by("orders.sales_orders", "id")
    claims = books.by("inventory.allotments", "id")
    for ticket in books.all("orders.allotments"):
        line, head = books.lines[ticket["line_id"]], heads[ticket["order_id"]]
        own = claims.get(ticket["id"])
        if own is None:
            continue
        live = own["qty"] - own["withdrawn"] - own["failed"] - own["shipped"] - own["returned"]
        may = ticket["release_no"] > ticket["revoke_no"]
        wanted = live if may else ZERO
        if standing[ticket["id"]] != wanted and ticket["id"] not in locked:
            yield f"{books.name(line['id'])}: {standing[ticket['id']]} on shipments, {wanted} of {live} released"
        if shipped[ticket["id"]] != own["shipped"]:
            yield f"{books.name(line['id'])}: shipments say {shipped[ticket['id']]} shipped, claim {own['shipped']}"
        held = head["credit_hold"] or head["customer_hold"] or line["release_blocked"]
        if (
            live
            and head["state"] == "open"
            and head["ship_type"] == "partial_ok"
            and not line["all_or_nothing"]
        ):
            if held and may and ticket["id"] not in locked:
                yield f"{books.name(line['id'])} is held and released"
            over = line["granted"] > line["ordered"] - line["cancel_wanted"]
            if not held and not may and not over:
                yield f"{books.name(line['id'])}: {live} could ship, and nobody released them"
    for id_ in standing.keys() - {row["id"] for row in books.all("orders.allotments")}:
        yield f"shipping has units of {id_}, which orders does not know"


def copies_of_shipments_are_current(books: Books) -> Iterator[str]:
    """I-15: orders knows each shipment as it stands."""
    known = books.by("orders.shipments", "id")
    for shipment in books.all("shipping.shipments"):
        copy = known.get(shipment["id"])
        if copy is None:
            yield f"{shipment['number']}: orders does not know it"
        elif copy["version"] != shipment["told"]:
            yield f"{shipment['number']}: orders has version {copy['version']} of {shipment['told']}"


def shipments_are_billed_once(books: Books) -> Iterator[str]:
    """SO-14, SHIP-2: each order on a shipment has one invoice of it, of what the order has there."""
    bills = [row for row in books.all("orders.invoices") if row["shipment_id"]]
    count = Counter((row["shipment_id"], row["order_id"]) for row in bills)
    invoices = {(row["shipment_id"], row["order_id"]): row for row in bills}
    billed = _billed_goods(books)
    goods = _goods_on_shipments(books)
    for shipment in books.all("shipping.shipments"):
        own = goods[shipment["id"]]
        # one that has left the shipment may have an empty draft of it still
        orders = own.keys() | {order for id_, order in invoices if id_ == shipment["id"]}
        for order in orders:
            name = f"{shipment['number']} for {books.numbers.get(order, order)}"
            carried = {line: qty for line, qty in own.get(order, {}).items() if qty}
            invoice = invoices.get((shipment["id"], order))
            if invoice is None:
                # heard of only when it was void already, or left without any of it: there was nothing to bill
                if carried and shipment["state"] != "voided":
                    yield f"{name}: no invoice"
                continue
            state = _invoice_state(shipment["state"], carried)
            times = count[shipment["id"], order]
            if invoice["state"] != state or times != 1:
                yield f"{name} is {shipment['state']}: {times} invoices, {invoice['state']}"
            if state != "void" and carried != billed[invoice["id"]]:
                yield f"{name}: {list(carried.values())}, billed {list(billed[invoice['id']].values())}"


def _invoice_state(shipment: str, carried: Mapping[UUID, Decimal]) -> str:
    if shipment == "shipped":
        return "final" if carried else "void"
    return "void" if shipment == "voided" else "draft"


def _billed_goods(books: Books) -> dict[UUID, dict[UUID, Decimal]]:
    billed: dict[UUID, dict[UUID, Decimal]] = defaultdict(dict)
    for (id_, line), (qty,) in books.sums("orders.invoice_lines", ("invoice_id", "line_id"), "qty").items():
        if books.lines[line]["kind"] != "service":
            billed[id_][line] = qty
    return billed


def _goods_on_shipments(books: Books) -> dict[UUID, dict[UUID, dict[UUID, Decimal]]]:
    """{shipment: {order: {line: units on it, or that left with it}}}."""
    shipped = {row["id"] for row in books.all("shipping.shipments") if row["state"] == "shipped"}
    shares = books.sums("shipping.shipment_shares", ("shipment_line_id",), "qty", "shipped")
    goods: dict[UUID, dict[UUID, dict[UUID, Decimal]]] = defaultdict(lambda: defaultdict(dict))
    for line in books.all("shipping.shipment_lines"):
        if line["component"] > 0:
            # a kit is billed by its parent line
            continue
        qty, left = shares.get(line["id"], (ZERO, ZERO))
        own = goods[line["shipment_id"]][line["order_id"]]
        own[line["line_id"]] = own.get(line["line_id"], ZERO) + (
            left if line["shipment_id"] in shipped else qty
        )
    return goods


def holds_reach_their_orders(books: Books) -> Iterator[str]:
    """ORD-6: an open order is held when its customer is, and purchasing knows."""
    customers = books.by("orders.customers", "code")
    demands = books.by("purchasing.demands", "line_id")
    for order in books.all("orders.sales_orders"):
        if order["state"] == "open" and order["credit_hold"] != customers[order["customer"]]["credit_hold"]:
            yield f"{order['number']} is held {order['credit_hold']}, its customer is not"
    for id_, demand in demands.items():
        order = books.by("orders.sales_orders", "id")[books.lines[id_]["order_id"]]
        if order["state"] == "open" and demand["credit_hold"] != order["credit_hold"]:
            yield f"{books.name(id_)}: purchasing has another hold"


CHECKS = (
    lines_add_up,
    orders_follow_their_lines,
    everybody_agrees_on_claims,
    lines_have_what_their_claims_say,
    nobody_waits_for_an_answer,
    ties_agree,
    purchase_orders_agree,
    what_is_to_come_is_expected,
    needs_are_met_or_named,
    special_goods_come_from_receipts,
    receipts_are_inspected_and_noticed,
    released_units_stand_on_shipments,
    copies_of_shipments_are_current,
    shipments_are_billed_once,
    holds_reach_their_orders,
)
