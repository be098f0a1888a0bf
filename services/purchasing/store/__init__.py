"""Loading (locked, in key order) and saving; no decisions.

Lock order, everywhere: demands by (line_id, component), then purchase orders by id, then what hangs on them. Lines,
ties, receipts and reductions change only under their purchase order's lock, a demand's ties only under its lock too.
"""
