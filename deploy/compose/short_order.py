"""`python -m deploy.compose.short_order --base-url URL --keys FOLDER --mark M`: an order that is short, behind the gateway.

Two services must reach each other for it: orders asks inventory what is available (ADR 9). 25 are ordered and 20 are
there, so the question comes with its figures; answered, 20 leave on paper that a browser can print and 5 wait. With
`--again`, after everything was taken down and started on the data that stayed: the order is as it was, and is filled.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import httpx

from deploy.cli.client import EVERY_SCOPE
from deploy.local.announcing import say
from shared.auth import development_token
from shared.ids import new_id

T = TypeVar("T")
Document: TypeAlias = dict[str, Any]
PATIENCE = 30.0
WANTED, THERE = 25, 20


class Wrong(Exception):
    """It went otherwise than it should."""


class Short:
    """The story of one order, by the codes of its mark."""

    def __init__(self, http: httpx.Client, mark: str) -> None:
        self._http = http
        self.sku, self.warehouse, self.customer = (f"{kind}-{mark}" for kind in ("ITEM", "WH", "CUST"))

    # --- before -------------------------------------------------------------------------------------------------------

    def begins(self) -> None:
        """Catalogue, question, answer, goods and paper."""
        self._catalogue()
        self._asked(WANTED, THERE)
        order = self._post("/v1/sales-orders", self._order(WANTED, "split"))
        self._stands(order["id"], shipped=0)
        say(f"ok    answered: {order['number']} has {THERE} now, {WANTED - THERE} wait")
        self._printed(shipment := self._pending(order["id"], THERE), order)
        self._explained(order)
        self._shipped(shipment)
        self._stands(order["id"], shipped=THERE)
        run = self._post("/v1/automation-schedules/primary/run", {})
        say(f"ok    the primary schedule runs: {run['lines_filled']} lines filled")

    def _catalogue(self) -> None:
        place = {"code": "SHOP", "name": "Shop", "street": "1 Road", "city": "Town", "country": "US"}
        self._post(
            "/v1/warehouses", {"code": self.warehouse, "name": "W", "company": "TL1", "time_zone": "UTC"}
        )
        self._post("/v1/items", {"sku": self.sku, "description": "Short", "kind": "stocked", "unit": "EA", "precision": 0,
                                 "price": "10", "currency": "USD", "sources": []})  # fmt: skip
        self._post(
            "/v1/customers", {"code": self.customer, "name": "C", "currency": "USD", "ship_tos": [place]}
        )
        self._get(f"/v1/catalogue-items/{self.sku}", wait=20)
        self._shelved(THERE)

    def _shelved(self, qty: int) -> None:
        self._post("/v1/stock/adjustments", {"sku": self.sku, "warehouse": self.warehouse, "qty": str(qty),
                                             "reason": "opening balance"})  # fmt: skip

    def _order(self, qty: int, shortage: str | None = None) -> Document:
        line = {"sku": self.sku, "qty": str(qty)} | ({"shortage": shortage} if shortage else {})
        return {"customer": self.customer, "warehouse": self.warehouse, "open": True, "lines": [line]}

    def _asked(self, qty: int, there: int) -> None:
        """An order of so many is asked about, with what is there; inventory says the same to who asks itself."""
        row = self._get("/v1/stock/availability", sku=self.sku, warehouse=self.warehouse)["data"][0]
        _same("available", row["available"], str(there))
        question = self._send("POST", "/v1/sales-orders", 409, json=self._order(qty)).json()
        _same("the question", question["code"], "shortage-decision-required")
        line = question["lines"][0]
        _same("its figures", (line["qty"], line["available"]), (str(qty), str(there)))
        say(f"ok    {qty} wanted: 409 {question['code']}, {line['available']} available, {line['options']}")

    def _stands(self, order_id: str, *, shipped: int) -> Document:
        """Line 1 has what was there, of which so many have left; line 2 waits for the rest."""
        wanted = [(THERE, THERE, shipped, False), (WANTED - THERE, 0, 0, True)]

        def looks() -> Document | None:
            order: Document = self._get(f"/v1/sales-orders/{order_id}", wait=5)
            figures = [
                (int(line["ordered"]), int(line["granted"]), int(line["shipped"]), line["is_backordered"])
                for line in order["lines"]
            ]
            return order if figures == wanted else None

        return _awaited(looks, f"{THERE} for line 1, {shipped} of them shipped; {WANTED - THERE} wait")

    # --- paper --------------------------------------------------------------------------------------------------------

    def _printed(self, shipment: Document, order: Document) -> None:
        """The pick list and the packing slip, as a browser gets them."""
        for paper in ("pick-list", "packing-slip"):
            answer = self._send("GET", f"/v1/shipments/{shipment['id']}/{paper}", 200)
            _same("a page", answer.headers["content-type"].split(";")[0], "text/html")
            _same(
                "what it may load",
                answer.headers["content-security-policy"].split(";")[0],
                "default-src 'none'",
            )
            for words in (shipment["number"], order["number"], self.sku, "</html>"):
                if words not in answer.text:
                    raise Wrong(f"the {paper} does not name {words}")
            say(f"ok    {paper} of {shipment['number']}: {len(answer.content)} bytes of HTML")

    def _pending(self, order_id: str, qty: int) -> Document:
        def looks() -> Document | None:
            for row in self._get("/v1/shipments", order_id=order_id, state="pending")["data"]:
                shipment: Document = self._get(f"/v1/shipments/{row['id']}")
                if [line["qty"] for line in shipment["lines"]] == [str(qty)]:
                    return shipment
            return None

        return _awaited(looks, f"a shipment of {qty}")

    def _explained(self, order: Document) -> None:
        told = self._get(f"/v1/sales-orders/{order['id']}/lines/2/explain")
        _same("inventory, asked why the rest waits, has", told["inventory"], "answered")
        say(f"ok    why the rest waits: {', '.join(sorted({row['reason'] for row in told['reasons']}))}")

    # --- after --------------------------------------------------------------------------------------------------------

    def goes_on(self) -> None:
        """On the data that stayed: the order as it was, the goods that it waited for, and another question."""
        rows = self._get("/v1/sales-orders", customer=self.customer)["data"]
        _same("orders that stayed", len(rows), 1)
        order = self._stands(rows[0]["id"], shipped=THERE)
        say(f"ok    {order['number']} is as it was")
        self._shelved(WANTED - THERE + 2)
        self._shipped(self._pending(order["id"], WANTED - THERE))
        _awaited(lambda: self._filled(order["id"]), "the order is filled")
        say(f"ok    {order['number']} is filled")
        self._asked(3, 2)

    def _shipped(self, shipment: Document) -> None:
        path = f"/v1/shipments/{shipment['id']}/ship"
        self._send("POST", path, 200, json={"lines": []}, headers={"If-Match": f'"{shipment["version"]}"'})

    def _filled(self, order_id: str) -> Document | None:
        order: Document = self._get(f"/v1/sales-orders/{order_id}")
        return order if order["state"] == "filled" else None

    # --- the gateway --------------------------------------------------------------------------------------------------

    def _get(self, path: str, **params: Any) -> Any:
        return self._send("GET", path, 200, params=params).json()

    def _post(self, path: str, body: Document) -> Any:
        return self._send("POST", path, (200, 201), json=body).json()

    def _send(self, method: str, path: str, wanted: int | tuple[int, ...], **options: Any) -> httpx.Response:
        own = {"Idempotency-Key": str(new_id())} if method == "POST" else {}
        headers = own | options.pop("headers", {})
        answer = self._http.request(method, path, headers=headers, **options)
        if answer.status_code not in (wanted if isinstance(wanted, tuple) else (wanted,)):
            raise Wrong(f"{method} {path} is {answer.status_code}, not {wanted}: {answer.text[:500]}")
        return answer


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong(f"{what}: {found!r}, not {wanted!r}")


def _awaited(look: Callable[[], T | None], what: str) -> T:
    until = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > until:
            raise Wrong(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.1)
    return found


def main(arguments: list[str]) -> int:
    """The command line; 0 when everything went as it should."""
    parser = argparse.ArgumentParser(prog="python -m deploy.compose.short_order", description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--mark", required=True, help="what its codes end with, the same again with --again")
    parser.add_argument("--again", action="store_true", help="it has begun before; go on with it")
    chosen = parser.parse_args(arguments)
    token = development_token(chosen.keys, "compose-check", EVERY_SCOPE)
    with httpx.Client(
        base_url=chosen.base_url, timeout=40, trust_env=False, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        short = Short(http, chosen.mark)
        try:
            (short.goes_on if chosen.again else short.begins)()
        except (Wrong, httpx.HTTPError) as problem:
            say(f"WRONG a short order: {problem}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
