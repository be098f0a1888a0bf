"""Settle orders under lock: derive, save what changed, log it, tell it. Every fact and every change ends here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict
from uuid import UUID

from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx

from .. import store
from ..domain.copying import changed, differences
from ..domain.order import Line, ShortageAnswer
from ..domain.preferences import Preferences
from ..domain.settlement import Picture, Settled, Tell, settle
from . import telling
from .billing import bill_services

DOCUMENT = "sales-order"
_BOOKKEEPING = frozenset(
    {"version", "told", "settled_version", "warehouses", "opening_version", "wish_version", "opening_decided"}
)
"""Fields that say how far we are, not what the customer has; they are not worth a log row."""


@dataclass(frozen=True)
class Cause:
    """Why orders are settled: the action for the log, and what was heard or asked."""

    action: str
    because: Told[Any] | None = None
    reason: str | None = None


@dataclass
class Change:
    """One order on its way: as it is stored, as the handler has changed it, and what must be told of that."""

    before: Picture
    now: Picture
    cause: Cause
    must_tell: Tell = Tell.NOTHING
    by_hand: frozenset[UUID] = frozenset()
    """Lines that somebody releases by hand."""
    more_log: list[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]] = field(
        default_factory=list
    )
    """Further log rows: (part, action, before, after)."""

    @classmethod
    def of(cls, picture: Picture, cause: Cause) -> "Change":
        """An order that the handler itself leaves as it is."""
        return cls(picture, picture, cause)


async def settle_heard(tx: Tx, heads: Mapping[UUID, store.Head], causes: Mapping[UUID, Cause]) -> None:
    """Settle locked orders after facts about them have been stored."""
    pictures = await store.complete(tx.db, heads)
    await settle_orders(tx, [Change.of(picture, causes[order_id]) for order_id, picture in pictures.items()])


async def settle_orders(tx: Tx, on_their_way: Iterable[Change], *, bill: bool = True) -> dict[UUID, Settled]:
    """Derive, save, log and tell; a constant number of statements for any number of orders."""
    chosen = rules(await preferences(tx, Preferences))
    done: list[tuple[Change, Settled]] = []
    for change in on_their_way:
        settled = settle(
            change.now,
            now=tx.now,
            new_id=new_id,
            must_tell=change.must_tell,
            by_hand=change.by_hand,
            release_anew=change.before.order.ship_type is not change.now.order.ship_type,
            **chosen,
        )
        done.append((change, _with_version(change.before, settled)))
    await store.save_pictures(tx.db, [(change.before, settled.picture) for change, settled in done])
    for change, settled in done:
        record(tx, change, settled)
        announce(tx, settled, change.cause.because)
    if bill:
        await bill_services(tx, [settled.picture for _, settled in done if settled.filled])
    return {settled.picture.order.id: settled for _, settled in done}


class Rules(TypedDict):
    """What the organisation chooses of settling."""

    auto_ship_on_receipt: bool
    shortage_fallback: ShortageAnswer


def rules(chosen: Preferences) -> Rules:
    """The preferences that settling follows."""
    return Rules(
        auto_ship_on_receipt=chosen.auto_ship_on_receipt == "on",
        shortage_fallback=ShortageAnswer(chosen.shortage_fallback),
    )


def _with_version(before: Picture, settled: Settled) -> Settled:
    after = settled.picture
    if (before.order, before.lines, before.allotments, before.specials) == (
        after.order,
        after.lines,
        after.allotments,
        after.specials,
    ):
        return settled
    numbered = changed(after.order, version=before.order.version + 1)
    known = {special.id: special for special in before.specials}
    specials = tuple(
        changed(special, version=special.version + 1)
        if known.get(special.id, special) != special
        else special
        for special in after.specials
    )
    return changed(settled, picture=changed(after, order=numbered, specials=specials))


def announce(tx: Tx, settled: Settled, because: Told[Any] | None = None) -> None:
    """Tell what settling has led to."""
    picture = settled.picture
    if settled.tell is not Tell.NOTHING:
        tx.announce(telling.snapshot(picture, settled.tell), because)
    for release in telling.releases(picture, settled.releases.released):
        tx.announce(release, because)
    for revocation in telling.revocations(picture, settled.releases.revoked, settled.releases.reason):
        tx.announce(revocation, because)
    if settled.filled:
        tx.announce(telling.filled(picture), because)


def record(tx: Tx, change: Change, settled: Settled) -> None:
    """ORD-5: every change of the order, its lines and its special orders, with what it was before."""
    before, after, cause = change.before, settled.picture, change.cause
    order_id = after.order.id

    def write(part: str, action: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        tx.record(DOCUMENT, order_id, action, old, new, part=part, reason=cause.reason, because=cause.because)

    for part, action, old, new in change.more_log:
        write(part, action, old, new)
    write("", cause.action, *_differences(before.order, after.order))
    known = {line.id: line for line in before.lines}
    split = {line.id for line in settled.splits}
    for line in after.lines:
        if line is known.get(line.id):
            continue
        if line.id in known:
            write(part_of(line), cause.action, *_differences(known[line.id], line))
        else:
            write(part_of(line), "split" if line.id in split else cause.action, None, line_facts(line))
    specials = {special.id: special for special in before.specials}
    for special in after.specials:
        was = specials.get(special.id)
        if was is None:
            write(
                f"special order {special.number}",
                "requested",
                None,
                {"qty": special.qty, "state": special.state},
            )
        else:
            write(f"special order {special.number}", cause.action, *_differences(was, special))
    numbers = {line.id: part_of(line) for line in after.lines}
    for line_id, by in settled.decided:
        write(numbers[line_id], "shortage decided", None, {"by": by})
    for ticket in settled.releases.released:
        write(numbers[ticket.line_id], "released", None, {"allotment": ticket.id, "qty": ticket.live})
    for ticket in settled.releases.revoked:
        taken = {"allotment": ticket.id, "qty": ticket.live, "why": settled.releases.reason}
        write(numbers[ticket.line_id], "release revoked", None, taken)


def _differences(old: object, new: object) -> tuple[dict[str, Any], dict[str, Any]]:
    if old is new:
        return {}, {}
    differing = [(name, was, now) for name, was, now in differences(old, new) if name not in _BOOKKEEPING]
    return {name: was for name, was, _ in differing}, {name: now for name, _, now in differing}


def part_of(line: Line) -> str:
    """How the log names a line."""
    return f"line {line.line_no}"


def line_facts(line: Line) -> dict[str, Any]:
    """What the log keeps of a new line."""
    return {
        "sku": line.sku,
        "warehouse": line.warehouse,
        "ordered": line.ordered,
        "price": line.price,
        "special_order": line.is_special,
        "parent_line_id": line.parent_line_id,
    }
