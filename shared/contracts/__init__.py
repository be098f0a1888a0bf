"""The facts that services tell each other: owned by their producer, additive within a major version.

Import a fact from its producer's module; `shared.contracts.every_fact()` loads all five.
"""

from importlib import import_module

from shared.contracts.base import FACTS, Fact

__all__ = ["PRODUCERS", "Fact", "every_fact"]

PRODUCERS = ("orders", "inventory", "purchasing", "shipping", "notifications")


def every_fact() -> dict[str, type[Fact]]:
    """All facts by their type, such as `orders.sales-order.opened.v1`."""
    for producer in PRODUCERS:
        import_module(f"shared.contracts.{producer}")
    return dict(FACTS)
