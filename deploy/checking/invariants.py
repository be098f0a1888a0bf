"""The invariants I-1 to I-20 of `reliability.md`, each a small function of the books, under its number.

A function yields one sentence per violation, with business names and both figures. `absent` says which part of an
invariant is about what Tieline does not have yet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deploy.checking import claims, copies, demand, history, messages, running, stock, supply
from deploy.checking.books import Books

Rule = Callable[[Books], Iterable[str]]


@dataclass(frozen=True)
class Invariant:
    """What must hold, and how it is looked at."""

    id: str
    says: str
    rules: tuple[Rule, ...]
    applies: Callable[[Books], bool] = lambda _: True
    absent: str = ""

    def look(self, books: Books) -> list[str] | None:
        """The violations; None where there is nothing to look at (no journal, no broker, nothing running)."""
        if not self.applies(books):
            return None
        return [words for rule in self.rules for words in rule(books)]


INVARIANTS = (
    Invariant("I-1", "no stock is promised beyond what is on hand", (stock.is_not_oversold,)),
    Invariant(
        "I-2",
        "allotted, pegged and quarantined are the sums of their allotments",
        (stock.is_the_sum_of_its_claims,),
        absent="arrived goods (SO-7) and vendor returns (SO-18)",
    ),
    Invariant(
        "I-3", "stock on hand is the sum of the ledger", (stock.is_the_sum_of_the_ledger, stock.books_once)
    ),
    Invariant(
        "I-4",
        "what inventory received is what purchasing counts",
        (supply.received_alike, supply.same_receipt_lines),
        absent="reversed receipts (SO-11)",
    ),
    Invariant("I-5", "each shipped share left the ledger once", (claims.shipped_is_issued,)),
    Invariant(
        "I-6",
        "ordered = cancelled + backordered + granted, flagged while backordered",
        (demand.adds_up, demand.is_flagged),
    ),
    Invariant(
        "I-7",
        "all services agree on every figure of an allotment",
        (claims.figures_agree, claims.no_unit_has_two_fates, claims.ships_no_more_than_ordered),
    ),
    Invariant(
        "I-8", "granted is the sum of the allotments, in orders and inventory", (demand.granted_is_the_sum,)
    ),
    Invariant(
        "I-9",
        "a pegged receipt line has one inspection, one notice, and its units add up",
        (supply.inspected_once, supply.noticed_once, supply.receipt_adds_up, claims.good_units_are_released),
        absent="arrived goods (SO-7) and reversed receipts (SO-11)",
    ),
    Invariant(
        "I-10",
        "special lines ship only what came for them",
        (claims.specials_ship_pegs, demand.has_one_fate),
    ),
    Invariant(
        "I-11",
        "what a special line lacks is tied, requested or excepted",
        (supply.need_is_covered, supply.ties_fit_their_line, supply.ended_has_no_ties),
        absent="transfers (SO-15)",
    ),
    Invariant(
        "I-12",
        "nobody waits while stock is free, or while a lower rank holds some that may be taken back",
        (stock.is_not_idle, stock.rank_is_kept),
    ),
    Invariant(
        "I-13",
        "outboxes are empty and versions have no gap",
        (messages.outbox_is_empty, messages.versions_are_unbroken),
    ),
    Invariant(
        "I-14",
        "what was told was heard once",
        (messages.nothing_is_lost, messages.nothing_is_unexpected, messages.nothing_is_done_and_dead),
    ),
    Invariant("I-15", "copies equal their owners' rows", (copies.are_alike,)),
    Invariant(
        "I-16", "nothing is dead but what was made so", (messages.nothing_is_dead, messages.no_dead_queue)
    ),
    Invariant(
        "I-17",
        "what a client was answered exists once",
        (history.answered_exists, history.no_more_than_meant),
        applies=lambda books: books.journal is not None,
    ),
    Invariant(
        "I-18",
        "the record log leads to the rows",
        (history.is_logged, history.log_leads_to_the_row, history.log_is_signed),
    ),
    Invariant(
        "I-19",
        "no transaction is left open, one relay and a consumer work",
        (running.nothing_is_open, running.one_relay_works, running.somebody_consumes),
        applies=lambda books: books.are_running,
        absent="memory (the soak test measures it)",
    ),
    Invariant(
        "I-20",
        "released live units are on shipments once, and no question is open",
        (
            claims.released_units_stand,
            claims.shares_stand_once,
            claims.no_question_is_open,
            claims.no_loss_is_open,
        ),
        absent="what a limited token sees (a test of each service)",
    ),
)
