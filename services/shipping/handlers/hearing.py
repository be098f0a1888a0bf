"""What shipping hears: releases, revocations, the one question, and inspections. All of them end in `settle`."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.shipping import store
from services.shipping.domain.allotment import Allotment, ShipTo, Terms
from services.shipping.domain.preferences import Preferences
from services.shipping.domain.withdrawal import Answer, answer
from shared.contracts.inventory import InspectionCompleted, WithdrawalAsk, WithdrawalAsked
from shared.contracts.orders import LinesReleased, ReleasedAllotment, ReleaseRevoked
from shared.contracts.shipping import PickLock, UnitsWithdrawn, WithdrawalAnswer
from shared.decimals import plain
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx

from .settling import Cause, Outcome, settle, shipments_concerned, tell_shrunk
from .wording import in_small_facts, snapshot


async def lines_released(tx: Tx, told: Sequence[Told[LinesReleased]]) -> None:
    """Orders lets units ship: they join a pending shipment of their order, or a new one (SO-6, SHIP-2, SHIP-5)."""
    causes = {one.allotment_id: Cause("released", t) for t in told for one in t.fact.allotments}
    across = (await preferences(tx, Preferences)).append_across_orders == "on"
    places = {f"{t.fact.customer} {t.fact.ship_to.code}" for t in told} if across else ()
    orders = [t.fact.order_id for t in told]
    before, joinable = await store.lock_allotments(tx.db, orders, causes, places)
    after: dict[UUID, Allotment] = {}
    for t in told:
        for one in t.fact.allotments:
            known = _known(one.allotment_id, t.fact.order_id, after, before)
            after[one.allotment_id] = known.released(_terms(t.fact, one), one.qty, one.gated, one.release_no)
    moved = frozenset(key for key, one in after.items() if key in before and _has_moved(before[key], one))
    shipments = await shipments_concerned(tx, before, after, moved, joinable=joinable, across_orders=across)
    outcome = await settle(tx, before, after, shipments, causes, moved, across_orders=across)
    tell_shrunk(tx, outcome.shrunk, causes)


async def release_revoked(tx: Tx, told: Sequence[Told[ReleaseRevoked]]) -> None:
    """A hold, or a complete order that is no longer covered: units leave pending shipments and stay granted (ORD-2)."""
    causes = {one.allotment_id: Cause(t.fact.reason, t) for t in told for one in t.fact.allotments}
    before = await store.lock_known_allotments(tx.db, [t.fact.order_id for t in told], causes)
    after: dict[UUID, Allotment] = {}
    for t in told:
        for one in t.fact.allotments:
            known = _known(one.allotment_id, t.fact.order_id, after, before)
            after[one.allotment_id] = known.revoked(one.revoke_no)
    outcome = await settle(tx, before, after, await shipments_concerned(tx, before, after), causes)
    tell_shrunk(tx, outcome.shrunk, causes)
    _log_already_picked(tx, outcome, causes)


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """Passed units may be picked, failed ones leave their pending shipment (SO-9)."""
    causes = {one.allotment_id: Cause("failed inspection", t) for t in told for one in t.fact.allotments}
    orders = [one.order_id for t in told for one in t.fact.allotments]
    before = await store.lock_known_allotments(tx.db, orders, causes)
    after: dict[UUID, Allotment] = {}
    for t in told:
        for one in t.fact.allotments:
            known = _known(one.allotment_id, one.order_id, after, before)
            after[one.allotment_id] = known.inspected(one.qty, one.passed, one.failed, one.gated)
    outcome = await settle(tx, before, after, await shipments_concerned(tx, before, after), causes)
    tell_shrunk(tx, outcome.shrunk, causes)


async def withdrawal_asked(tx: Tx, told: Sequence[Told[WithdrawalAsked]]) -> None:
    """May these units be taken back? All that has not left and is not being picked; a question is answered once."""
    asked = [(t, ask) for t in told for ask in t.fact.asks]
    ids = {ask.allotment_id for _, ask in asked}
    before = await store.lock_known_allotments(tx.db, [ask.order_id for _, ask in asked], ids)
    known = await store.answered(tx.db, [t.fact.question_id for t in told])
    new: dict[UUID, Told[WithdrawalAsked]] = {}
    for t in told:
        if t.fact.question_id not in known:
            new.setdefault(t.fact.question_id, t)
    causes = {ask.allotment_id: Cause(t.fact.reason, t) for t in new.values() for ask in t.fact.asks}
    shipments = await store.lock_open_shipments(tx.db, holding=[key for key in causes if key in before])
    after: dict[UUID, Allotment] = {}
    answers: dict[UUID, list[WithdrawalAnswer]] = {}
    for question_id, t in new.items():
        answers[question_id] = []
        for ask in t.fact.asks:
            one = _known(ask.allotment_id, ask.order_id, after, before)
            given = answer(one, ask.wanted, shipments)
            after[ask.allotment_id] = one.given_back(given.given)
            answers[question_id].append(_answer(ask, one, given))
    outcome = await settle(tx, before, after, shipments, causes)
    _tell_answers(tx, new, answers, outcome, causes)
    if answers:
        reasons = {key: t.fact.reason for key, t in new.items()}
        kept = {key: [one.model_dump(mode="json") for one in rows] for key, rows in answers.items()}
        await store.save_answers(tx.db, reasons, kept, tx.now)


def _known(
    allotment_id: UUID, order_id: UUID, after: dict[UUID, Allotment], before: dict[UUID, Allotment]
) -> Allotment:
    """The allotment as it stands by now in this batch; an unknown one begins with nothing but its id."""
    return after.get(allotment_id) or before.get(allotment_id) or Allotment(allotment_id, order_id)


def _terms(fact: LinesReleased, one: ReleasedAllotment) -> Terms:
    return Terms(
        order_id=fact.order_id,
        order_number=fact.order_number,
        line_id=one.line_id,
        line_no=one.line_no,
        component=one.component,
        sku=one.sku,
        description=one.description,
        unit=one.unit,
        precision=one.precision,
        customer=fact.customer,
        ship_type=fact.ship_type.value,
        warehouse=fact.warehouse,
        currency=fact.currency,
        carrier=fact.carrier,
        ship_to=ShipTo(**dict(fact.ship_to)),
        all_or_nothing=one.all_or_nothing,
    )


def _has_moved(before: Allotment, after: Allotment) -> bool:
    """Released anew to another place, before its revocation was heard."""
    return bool(before.terms and after.terms and before.terms.place != after.terms.place)


def _log_already_picked(tx: Tx, outcome: Outcome, causes: dict[UUID, Cause]) -> None:
    """ORD-2: what is being picked stays on its shipment; the log says so."""
    for stuck in outcome.stuck:
        cause = causes[stuck.allotment_id]
        units = {"allotment_id": stuck.allotment_id, "units": plain(stuck.units)}
        shipment_id = stuck.shipment.shipment_id
        tx.record(
            "shipment", shipment_id, "already picked", None, units, reason=cause.reason, because=cause.told
        )


def _answer(ask: WithdrawalAsk, known: Allotment, given: Answer) -> WithdrawalAnswer:
    terms = known.terms
    return WithdrawalAnswer(
        allotment_id=ask.allotment_id,
        order_id=ask.order_id,
        line_id=ask.line_id,
        component=ask.component,
        wanted=ask.wanted,
        given=given.given,
        refused=given.refused,
        refused_because=given.refused_because,
        sku=ask.sku,
        warehouse=ask.warehouse,
        order_number=terms.order_number if terms else None,
        line_no=terms.line_no if terms else None,
        locks=[
            PickLock(shipment_id=one.shipment_id, number=one.number, version=one.told, qty=qty)
            for one, qty in given.locks
        ],
    )


def _tell_answers(
    tx: Tx,
    questions: Mapping[UUID, Told[WithdrawalAsked]],
    answers: Mapping[UUID, list[WithdrawalAnswer]],
    outcome: Outcome,
    causes: Mapping[UUID, Cause],
) -> None:
    """One answer per question, with the shipments that shrank by it; what one fact cannot carry is told per order."""
    untold = {change.after.shipment_id: change for change in outcome.shrunk}
    for question_id, rows in answers.items():
        asked = {row.allotment_id for row in rows}
        its = [change for change in untold.values() if asked.intersection(change.allotments)]
        first = next(in_small_facts([change.after for change in its]), [])
        for shipment in first:
            del untold[shipment.shipment_id]
        fact = UnitsWithdrawn(
            question_id=question_id, answers=rows, shipments=[snapshot(one) for one in first]
        )
        tx.announce(fact, because=questions[question_id])
        _log_refusals(tx, rows, questions[question_id])
    tell_shrunk(tx, untold.values(), causes)


def _log_refusals(tx: Tx, rows: Iterable[WithdrawalAnswer], asked: Told[WithdrawalAsked]) -> None:
    for row in rows:
        if row.refused:
            told = {"wanted": row.wanted, "given": row.given, "refused": row.refused}
            reason = f"{asked.fact.reason}: {row.refused_because}"
            tx.record(
                "allotment", row.allotment_id, "withdrawal refused", None, told, reason=reason, because=asked
            )
