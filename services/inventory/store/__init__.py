"""Load (locked, in key order) and save; rows to dataclasses and back; no decisions.

Lock order in every transaction: orders, purchase orders, incoming shipments, stock by (sku, warehouse). Demands,
allotments, ties, inspections and asks of one item and warehouse are guarded by its stock row: who changes their
figures holds it.
"""
