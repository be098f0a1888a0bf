"""I-4, I-9 and I-11: purchase orders, ties, receipts, inspections and their notices."""

from collections.abc import Iterator
from decimal import Decimal

from deploy.checking.books import ZERO, Books, Row, plain, total
from deploy.checking.demand import told_lines

ENDED = ("cancelled", "closed")


def received_alike(books: Books) -> Iterator[str]:
    """I-4: a PO line's received figure is the sum of its receipt lines, in purchasing and in inventory."""
    receipts = books.grouped("inventory", "receipt_lines", "po_line_id")
    for service, key in (("purchasing", "id"), ("inventory", "po_line_id")):
        for line in books.rows(service, "purchase_order_lines"):
            came = total(receipts.get((line[key],), []), lambda r: r["received"])
            if line["received"] != came:
                name = books.po_line_name(line[key])
                yield f"{service} has {name}: {plain(line['received'])} received, its receipts come to {plain(came)}"


def same_receipt_lines(books: Books) -> Iterator[str]:
    """I-4: purchasing knows exactly inventory's receipt lines."""
    here = books.by("inventory", "receipt_lines", "id")
    there = books.by("purchasing", "purchase_order_receipts", "receipt_line_id")
    for key in here.keys() | there.keys():
        ours, theirs = here.get(key), there.get(key)
        if ours is None or theirs is None or ours["received"] != theirs["received"]:
            counted = plain(ours["received"]) if ours else "nothing"
            heard = plain(theirs["received"]) if theirs else "nothing"
            known = ours or theirs
            name = books.po_line_name(known["po_line_id"]) if known else ""
            yield f"{name}: a receipt of {counted} in inventory is {heard} in purchasing"


def _pegs(books: Books) -> dict[tuple[object, ...], list[Row]]:
    pegs = books.grouped("inventory", "allotments", "receipt_line_id")
    pegs.pop((None,), None)
    return pegs


def inspected_once(books: Books) -> Iterator[str]:
    """I-9: a receipt line that pegged has exactly one inspection."""
    inspections = books.grouped("inventory", "inspections", "receipt_line_id")
    lines = books.by("inventory", "receipt_lines", "id")
    for key in _pegs(books):
        found = len(inspections.get(key, []))
        if found != 1:
            yield f"a receipt of {books.po_line_name(lines[key]['po_line_id'])} has {found} inspections"


def noticed_once(books: Books) -> Iterator[str]:
    """I-9: an inspection has exactly one notice, open as long as it is."""
    notices = books.grouped("notifications", "notices", "kind", "subject")
    for row in books.rows("inventory", "inspections"):
        found = notices.get(("inspection", row["id"]), [])
        if len(found) != 1:
            yield f"inspection {row['number']} ({row['sku']}) has {len(found)} notices"
        elif found[0]["state"] != row["state"]:
            yield f"inspection {row['number']} is {row['state']}, its notice {found[0]['number']} {found[0]['state']}"


def receipt_adds_up(books: Books) -> Iterator[str]:
    """I-9: a receipt line's pegged figure is the sum of its pegs, within what was received.

    Units that were withdrawn are free stock; those that a shipment gave back were pegged again; missing ones are gone.
    """
    pegs = _pegs(books)
    for row in books.rows("inventory", "receipt_lines"):
        held = total(
            pegs.get((row["id"],), []), lambda p: p["qty"] - p["withdrawn"] - p["returned"] + p["missing"]
        )
        if row["pegged"] != held or held > row["received"]:
            name = books.po_line_name(row["po_line_id"])
            yield (
                f"a receipt of {plain(row['received'])} for {name}: {plain(row['pegged'])} pegged, "
                f"its pegs come to {plain(held)}"
            )


def _open(tie: Row, pegged: Decimal) -> Decimal:
    left: Decimal = tie["qty"] - tie["closed"] - tie["missed"] - pegged
    return max(ZERO, left)


def _pegged(books: Books) -> dict[tuple[object, ...], Decimal]:
    through = books.grouped("purchasing", "allotments", "tie_id")
    return {
        key: total(
            (a for a in own if a["qty"] is not None), lambda a: a["qty"] - a["returned"] + a["missing"]
        )
        for key, own in through.items()
    }


def need_is_covered(books: Books) -> Iterator[str]:
    """I-11: what a special or nonstock line still lacks is tied, or requested (an exception is such a request)."""
    pegged = _pegged(books)
    ties = books.grouped("purchasing", "ties", "line_id")
    demands = books.grouped("purchasing", "demands", "line_id")
    for line in told_lines(books):
        order = books.orders[line["order_id"]]
        is_special = (line["special_order"] or line["kind"] == "nonstock") and not line["drop_ship"]
        if not is_special or order["state"] != "open":
            continue
        lacks = max(ZERO, line["ordered"] - line["cancel_wanted"] - line["granted"])
        tied = total(ties.get((line["id"],), []), lambda t: _open(t, pegged.get((t["id"],), ZERO)))
        asked = total(
            (d for d in demands.get((line["id"],), []) if d["request_state"] != "none"), lambda d: d["need"]
        )
        if tied + asked != lacks:
            name = books.line_name(line["id"])
            yield f"{name} lacks {plain(lacks)}, but {plain(tied)} are tied and {plain(asked)} requested"


def ties_fit_their_line(books: Books) -> Iterator[str]:
    """I-11: the ties of a PO line come to no more than it brings."""
    ties = books.grouped("purchasing", "ties", "po_line_id")
    for line in books.rows("purchasing", "purchase_order_lines"):
        held = total(ties.get((line["id"],), []), lambda t: max(ZERO, t["qty"] - t["closed"] - t["missed"]))
        brings = line["ordered"] - line["cancelled"]
        if held > brings or line["tied"] != held:
            name = books.po_line_name(line["id"])
            yield f"{name} brings {plain(brings)}: {plain(line['tied'])} tied, its ties come to {plain(held)}"


def ended_has_no_ties(books: Books) -> Iterator[str]:
    """I-11: a cancelled or closed purchase order has no open tie."""
    pegged = _pegged(books)
    heads = books.by("purchasing", "purchase_orders", "id")
    for tie in books.rows("purchasing", "ties"):
        head = heads[tie["po_id"],]
        left = _open(tie, pegged.get((tie["id"],), ZERO))
        if head["state"] in ENDED and left > 0:
            name = books.line_name(tie["line_id"])
            yield f"{head['number']} is {head['state']}, but {plain(left)} of it are still tied to {name}"
