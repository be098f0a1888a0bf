"""What must hold: BO-13's sums after every commit, and the reference's answer whenever all is quiet."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.inventory.domain.demand import Key
from services.inventory.tests.scene import BROKEN_BOOKS
from shared.contracts import inventory
from shared.testing import Bench
from tests.allotment.reference import Want, share_out

if TYPE_CHECKING:
    from tests.allotment.papers import Line, Order
    from tests.allotment.shop import Shop

ZERO = Decimal(0)

NOBODY_WAITS = frozenset(name for name in BROKEN_BOOKS if "waits although" in name)
"""What does not hold at once while something is left for a schedule or a person (BO-5, BO-14, BO-15)."""
_BROKEN = "\nUNION ALL\n".join(
    f"SELECT '{name.replace(chr(39), '')}' AS rule, CAST(broken AS text) AS row FROM ({query}) broken"
    for name, query in BROKEN_BOOKS.items()
)


async def broken(bench: Bench, *, but: Collection[str] = ()) -> list[str]:
    """Sums that do not hold, all of one moment: one statement sees what one commit has left."""
    return [f"{row.rule}: {row.row}" for row in await bench.sql(_BROKEN) if row.rule not in but]


async def differences(shop: "Shop") -> list[str]:
    """Where inventory and the reference differ, when all is quiet."""
    seen = await Seen.of(shop)
    return [
        *(difference for key in seen.stock for difference in _allotted(shop, seen, key)),
        *_waiting(shop, seen),
        *_told(shop, seen),
        *_questions(seen),
        *_issued(shop, seen),
        *_losses(shop, seen),
    ]


async def passed_over(shop: "Shop") -> list[str]:
    """The same where all-or-nothing lines are passed over (BO-5 `skip`): only what does not depend on the way."""
    seen = await Seen.of(shop)
    unruly = (line for key in seen.stock for line in _out_of_turn(shop, seen, key))
    return [*unruly, *_waiting(shop, seen), *_told(shop, seen), *_questions(seen), *_issued(shop, seen)]


class Seen:
    """Inventory's rows at a quiet point."""

    def __init__(self, **rows: Any) -> None:
        self.stock = {(row.sku, row.warehouse): row for row in rows["stock"]}
        self.demand = {row.line_id: row for row in rows["demand"]}
        self.allotments = {row.id: row for row in rows["allotments"]}
        self.questions, self.ledger = rows["questions"], rows["ledger"]
        self.losses, self.asked_losses = rows["losses"], rows["asked_losses"]
        self.allotted: defaultdict[UUID, Decimal] = defaultdict(Decimal)
        self.pegged: defaultdict[UUID, Decimal] = defaultdict(Decimal)
        for row in rows["allotments"]:
            live = row.qty - row.withdrawn - row.failed - row.shipped - row.returned
            (self.pegged if row.receipt_line_id else self.allotted)[row.line_id] += live

    @classmethod
    async def of(cls, shop: "Shop") -> "Seen":
        """All that is compared."""
        queries = {
            "stock": "SELECT * FROM stock",
            "demand": "SELECT * FROM demand",
            "allotments": "SELECT * FROM allotments",
            "questions": "SELECT * FROM questions WHERE answered_at IS NULL",
            "losses": "SELECT * FROM adjustments WHERE qty < 0",
            "asked_losses": "SELECT id, adjustment_id FROM questions WHERE adjustment_id IS NOT NULL",
            "ledger": "SELECT sku, warehouse, kind, sum(qty) AS qty FROM stock_ledger GROUP BY sku, warehouse, kind",
        }
        return cls(**{name: await shop.bench.sql(query) for name, query in queries.items()})


def lines_of(shop: "Shop") -> "Iterator[tuple[Order, Line]]":
    """Every order line with its order."""
    return ((order, line) for order in shop.orders for line in order.lines)


def wants(shop: "Shop", seen: Seen, key: Key) -> list[Want]:
    """The queue of an item and warehouse: who wants what, as the clerks and the warehouse know it."""
    found = []
    for order, line in lines_of(shop):
        if line.key == key and not line.special:
            left = Decimal(line.need) - shipped(shop, line.id) - seen.pegged[line.id]
            rank = (-order.priority, line.ranked_at, order.id, line.no, 0)
            found.append(Want(line.id, left, rank, locked(shop, line.id)))
    return found


def shipped(shop: "Shop", line: UUID) -> Decimal:
    """What has left for a line."""
    return sum((own.shipped for _, own in shop.dispatch.of_line(line)), ZERO)


def locked(shop: "Shop", line: UUID, *, pegs: bool = False) -> Decimal:
    """Units of a line that a picker has in hand: from free stock, or those that came for it."""
    origin = inventory.Origin.RECEIPT if pegs else inventory.Origin.STOCK
    own = (id_ for id_, t in shop.dispatch.of_line(line) if t.claim and t.claim.origin is origin)
    return sum((shop.dispatch.locked(id_) for id_ in own), ZERO)


def _allotted(shop: "Shop", seen: Seen, key: Key) -> Iterator[str]:
    """BO-6, BO-9..11: who holds what."""
    row, queue = seen.stock[key], wants(shop, seen, key)
    expected = share_out(row.on_hand - row.pegged - row.arrived - row.quarantined, queue)
    for want in sorted(queue, key=lambda want: want.rank):
        if expected[want.line] != seen.allotted[want.line]:
            yield (
                f"{_name(shop, want.line)} of {key} holds {seen.allotted[want.line]}, the reference says "
                f"{expected[want.line]} (wants {want.qty}, locked {want.locked}, priority {-want.rank[0]})"
            )


def _out_of_turn(shop: "Shop", seen: Seen, key: Key) -> Iterator[str]:
    """Nobody waits while stock is free that would do, and no regular line while a later one holds what can be taken."""
    row = seen.stock[key]
    free = row.on_hand - row.allotted - row.pegged - row.arrived - row.quarantined
    whole = {line.id for _, line in lines_of(shop) if line.all_or_nothing}
    queue = sorted(wants(shop, seen, key), key=lambda want: want.rank)
    for nth, want in enumerate(queue):
        lacking, is_whole = want.qty - seen.allotted[want.line], want.line in whole
        if lacking > 0 and free >= (lacking if is_whole else 1):
            yield f"{_name(shop, want.line)} of {key} lacks {lacking} although {free} are free"
        if lacking > 0 and not is_whole:
            for later in queue[nth + 1 :]:
                if seen.allotted[later.line] > later.locked:
                    yield f"{_name(shop, want.line)} lacks {lacking}, {_name(shop, later.line)} ranks later and holds"


def _waiting(shop: "Shop", seen: Seen) -> Iterator[str]:
    """A line waits exactly when its need is not granted; what is held beyond the need nobody can take back."""
    for order, line in lines_of(shop):
        row, name = seen.demand.get(line.id), _name(shop, line.id)
        if row is None:
            yield f"inventory does not know {name}"
            continue
        held = seen.allotted[line.id] + seen.pegged[line.id]
        has = shipped(shop, line.id) + held
        if (row.need > row.granted) != (line.need > has):
            yield f"{name} waits: inventory {row.need > row.granted}, it wants {line.need} and has {has}"
        if row.settled_version != order.version - 1:
            yield f"{name}: version {order.version - 1} was told, {row.settled_version} is settled"
        over = min(has - line.need, held)
        if over > 0 and over > locked(shop, line.id) + locked(shop, line.id, pegs=True):
            yield f"{name} holds {over} beyond its need of {line.need}, and not all of it is being picked"


def _told(shop: "Shop", seen: Seen) -> Iterator[str]:
    """Whoever listens knows every claim ticket, and which version of each order is settled."""
    if shop.dispatch.tickets.keys() != seen.allotments.keys():
        yield f"told {len(shop.dispatch.tickets)} tickets of {len(seen.allotments)}"
    for id_, row in seen.allotments.items():
        known = shop.dispatch.tickets.get(id_)
        if known and known.claim:
            ours = row.qty, row.withdrawn, row.failed, row.shipped, row.returned
            own = known.claim.qty, known.withdrawn, known.claim.failed, known.shipped, known.returned
            if ours != own and row.failed == 0:
                yield f"a ticket of {_name(shop, row.line_id)}: inventory {ours}, shipping {own}"
    settled: defaultdict[UUID, int] = defaultdict(int)
    for fact in shop.told:
        if isinstance(fact, inventory.StockAllotted):
            for standing in fact.lines:
                settled[standing.line_id] = max(settled[standing.line_id], standing.settled_version)
    for order, line in lines_of(shop):
        if settled[line.id] != order.version - 1:
            yield f"{_name(shop, line.id)}: told that {settled[line.id]} is settled, not {order.version - 1}"


def _questions(seen: Seen) -> Iterator[str]:
    """Nobody waits for an answer."""
    for row in seen.questions:
        yield f"a question ({row.reason}) is open"
    for row in seen.allotments.values():
        if row.asked:
            yield f"{row.asked} of an allotment are marked as asked for"


def _issued(shop: "Shop", seen: Seen) -> Iterator[str]:
    """What left the shelf is what shipping shipped, and the books held all of it."""
    issued: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for ticket in shop.dispatch.tickets.values():
        if ticket.claim:
            issued[ticket.claim.sku, ticket.claim.warehouse] += ticket.shipped
    for row in seen.ledger:
        if row.kind == "issue" and -row.qty != issued[row.sku, row.warehouse]:
            yield f"{-row.qty} of {row.sku} were issued, {issued[row.sku, row.warehouse]} shipped"
        if row.kind == "discrepancy":
            yield f"{row.qty} of {row.sku} left without being on the books"


def _losses(shop: "Shop", seen: Seen) -> Iterator[str]:
    """BO-12: a loss is booked, but for what shipping itself has refused to give."""
    refused: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for row in seen.asked_losses:
        answers = shop.dispatch.answered[row.id].answers
        refused[row.adjustment_id] += sum((answer.refused for answer in answers), ZERO)
    for row in seen.losses:
        if row.asking or row.refused > refused[row.id]:
            yield (
                f"a loss of {-row.qty} {row.sku}: {row.asking} still asked for, {row.refused} refused, "
                f"{refused[row.id]} of them by shipping"
            )


def _name(shop: "Shop", line: UUID) -> str:
    return next(f"{order.number}/{own.no}" for order, own in lines_of(shop) if own.id == line)
