"""I-5, I-7, I-9 (released), I-10 (pegs) and I-20: the claim ticket through all services."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from deploy.checking.books import ZERO, Books, Row, grouped, plain, total
from deploy.checking.stock import is_peg, live

FIGURES = ("withdrawn", "failed", "passed", "shipped", "returned", "missing")
STANDING = ("pending", "picking", "packed")


def _shares(books: Books) -> Iterator[tuple[Row, Row, Row]]:
    """(shipment, line, share) of all shipments."""
    shipments = books.by("shipping", "shipments", "id")
    lines = books.by("shipping", "shipment_lines", "id")
    for share in books.rows("shipping", "shipment_shares"):
        line = lines[share["shipment_line_id"],]
        yield shipments[line["shipment_id"],], line, share


def shipped_is_issued(books: Books) -> Iterator[str]:
    """I-5: every shipped share has exactly one ledger issue of that quantity, and no issue is without a share."""
    issued: dict[str, Decimal] = defaultdict(lambda: ZERO)
    documents: dict[str, str] = {}
    for row in books.rows("inventory", "stock_ledger"):
        if row["kind"] == "issue":
            issued[row["source_key"]] -= row["qty"]
            documents[row["source_key"]] = row["document"]
    for shipment, _, share in _shares(books):
        if shipment["state"] != "shipped" or share["shipped"] == 0:
            continue
        out = issued.pop(f"{shipment['id']}:{share['allotment_id']}", ZERO)
        if out != share["shipped"]:
            name = f"{shipment['number']}, {books.claim_name(share['allotment_id'])}"
            yield f"{name}: {plain(share['shipped'])} shipped, but the ledger issued {plain(out)}"
    for key, out in issued.items():
        yield f"{documents[key]}: the ledger issued {plain(out)} that no shipment has shipped ({key})"


def figures_agree(books: Books) -> Iterator[str]:
    """I-7: every service that knows an allotment has inventory's and shipping's figures of it."""
    copies = {
        "orders": books.by("orders", "allotments", "id"),
        "purchasing": books.by("purchasing", "allotments", "allotment_id"),
        "shipping": books.by("shipping", "allotments", "allotment_id"),
    }
    for id_, owned in books.claims.items():
        for service, known in copies.items():
            row = known.get((id_,))
            if row is None:
                if service != "shipping":
                    yield f"{service} does not know {books.claim_name(id_)} of {plain(owned['qty'])}"
                continue
            if service == "shipping" and _have_crossed(owned, row):
                continue
            for figure in ("qty", *FIGURES):
                if figure == "passed" and service == "shipping" and not owned["gated"]:
                    # good units that came back are pegged again without a gate: shipping waits for nobody's word
                    continue
                if row[figure] is not None and row[figure] != owned[figure]:
                    yield (
                        f"{books.claim_name(id_)}: {plain(owned[figure])} {figure} in inventory, "
                        f"{plain(row[figure])} in {service}"
                    )
    for service, known in copies.items():
        for (id_,) in known.keys() - {(id_,) for id_ in books.claims}:
            yield f"{service} knows the allotment {id_}, which inventory never made"


def _have_crossed(owned: Row, row: Row) -> bool:
    """Units failed while shipping gave the same ones back: shipping keeps its own word, and both count every unit once."""
    return bool(owned["failed"]) and row["qty"] is not None and live(owned) == live(row) == 0


def no_unit_has_two_fates(books: Books) -> Iterator[str]:
    """I-7: withdrawn + failed + shipped + returned <= qty, everywhere."""
    for service, key in (
        ("inventory", "id"),
        ("orders", "id"),
        ("purchasing", "allotment_id"),
        ("shipping", "allotment_id"),
    ):
        for row in books.rows(service, "allotments"):
            if row["qty"] is not None and live(row) < 0:
                parts = ", ".join(f"{plain(row[figure])} {figure}" for figure in FIGURES)
                yield f"{books.claim_name(row[key])} of {plain(row['qty'])} has in {service} {parts}"


def ships_no_more_than_ordered(books: Books) -> Iterator[str]:
    """I-7: shipped(l) <= ordered - cancelled."""
    for line in books.lines.values():
        if line["shipped"] > line["ordered"] - line["cancelled"]:
            wanted = plain(line["ordered"] - line["cancelled"])
            yield f"{books.line_name(line['id'])}: {plain(line['shipped'])} shipped of {wanted} wanted"


def good_units_are_released(books: Books) -> Iterator[str]:
    """I-9: with automatic release on, what a partial_ok order may ship of a receipt is released, and so on a shipment."""
    if books.preference("orders", "auto_ship_on_receipt", "on") != "on":
        return
    for claim in books.rows("orders", "allotments"):
        line, order = books.lines.get(claim["line_id"]), books.orders.get(claim["order_id"])
        if claim["receipt_line_id"] is None or live(claim) <= 0 or line is None or order is None:
            continue
        if _may_ship(order, line) and claim["release_no"] <= claim["revoke_no"]:
            yield f"{books.claim_name(claim['id'])}: {plain(live(claim))} arrived and may ship, but are not released"


def _may_ship(order: Row, line: Row) -> bool:
    is_held = (
        order["credit_hold"] or order["customer_hold"] or line["release_blocked"] or line["all_or_nothing"]
    )
    within_need = line["granted"] <= line["ordered"] - line["cancel_wanted"]
    return order["state"] == "open" and order["ship_type"] == "partial_ok" and not is_held and within_need


def specials_ship_pegs(books: Books) -> Iterator[str]:
    """I-10: what stands on shipments of a special line came through its ties."""
    special = {
        (row["line_id"], row["component"]) for row in books.rows("inventory", "demand") if row["special"]
    }
    for shipment, line, share in _shares(books):
        claim = books.claims.get(share["allotment_id"])
        if (line["line_id"], line["component"]) in special and claim is not None and not is_peg(claim):
            name = books.line_name(line["line_id"])
            yield f"{shipment['number']} holds {plain(share['qty'])} of free stock for the special {name}"


def released_units_stand(books: Books) -> Iterator[str]:
    """I-20: the live units of a released allotment stand on shipments that have not left, exactly once."""
    standing: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for shipment, _, share in _shares(books):
        if shipment["state"] in STANDING:
            standing[share["allotment_id"]] += share["qty"]
    for row in books.rows("shipping", "allotments"):
        id_, on_shipments = row["allotment_id"], standing[row["allotment_id"]]
        if row["standing"] != on_shipments:
            yield f"{books.claim_name(id_)}: shipments hold {plain(on_shipments)}, its row says {plain(row['standing'])}"
    for claim in books.rows("orders", "allotments"):
        due = live(claim) if claim["release_no"] > claim["revoke_no"] else ZERO
        if standing[claim["id"]] != due:
            yield (
                f"{books.claim_name(claim['id'])}: {plain(due)} are released and live, "
                f"{plain(standing[claim['id']])} are on shipments"
            )


def shares_stand_once(books: Books) -> Iterator[str]:
    """I-20: no allotment stands twice on one shipment, and no share is empty."""
    seen = Counter((shipment["number"], share["allotment_id"]) for shipment, _, share in _shares(books))
    for (number, id_), count in seen.items():
        if count > 1:
            yield f"{number} holds {books.claim_name(id_)} {count} times"


def no_question_is_open(books: Books) -> Iterator[str]:
    """I-20: every question has its answer, and nothing is marked as asked."""
    for question in books.rows("inventory", "questions"):
        if question["answered_at"] is None:
            order = books.orders.get(question["order_id"])
            about = order["number"] if order else question["reason"]
            yield f"inventory's question {question['id']} about {about} is not answered"
    answered = {row["question_id"] for row in books.rows("inventory", "asks") if row["given"] is not None}
    for claim in books.claims.values():
        if claim["asked"] > 0 and live(claim) > 0 and not _was_refused(books, claim):
            yield f"{books.claim_name(claim['id'])}: {plain(claim['asked'])} are still marked as asked for"
    for row in books.rows("purchasing", "supply_reductions"):
        if row["answered_at"] is None and row["question_id"] not in answered:
            po = books.by("purchasing", "purchase_orders", "id").get((row["po_id"],))
            yield f"purchasing's question about {po['number'] if po else row['po_id']} is not answered"


def no_loss_is_open(books: Books) -> Iterator[str]:
    """I-20: every loss that asked for units has booked what it was given, or was refused it (BO-12)."""
    for row in books.rows("inventory", "adjustments"):
        if row.get("asking"):
            yield f"{row['number']} of {row['sku']} in {row['warehouse']} still asks for {plain(row['asking'])}"


def _was_refused(books: Books, claim: Row) -> bool:
    own = grouped(books.rows("inventory", "asks"), "allotment_id").get((claim["id"],), [])
    return total((ask for ask in own if ask["given"] is None), lambda ask: ask["wanted"]) > 0
