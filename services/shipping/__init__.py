"""Shipping: outgoing shipments, and whether a shipment can still change."""
