"""Every route as its OpenAPI document describes it, and the smallest body that it accepts the form of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from shared.ids import new_id
from shared.migrate import SERVICES


@dataclass(frozen=True)
class Door:
    """One operation of one service."""

    service: str
    method: str
    path: str
    operation: dict[str, Any]
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def scopes(self) -> frozenset[str]:
        """One of these lets a caller in."""
        return frozenset(self.operation["security"][0]["token"])

    @property
    def asks_for_version(self) -> bool:
        return any(p["name"] == "If-Match" for p in self.operation.get("parameters", ()))

    @property
    def input_schema(self) -> dict[str, Any] | None:
        """The schema of its body; None for a route without one."""
        content = self.operation.get("requestBody", {}).get("content", {})
        return self.resolved(content["application/json"]["schema"]) if content else None

    @property
    def output_schema(self) -> dict[str, Any]:
        """The schema of its good answer."""
        good = next(a for status, a in self.operation["responses"].items() if status.startswith("2"))
        content = good.get("content", {})
        return self.resolved(content["application/json"]["schema"]) if "application/json" in content else {}

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema behind a reference, and of what may be null the other choice."""
        if "$ref" in schema:
            return self.resolved(self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                return self.resolved({**{k: v for k, v in schema.items() if k != "anyOf"}, **choice})
        return schema

    def smallest_body(self) -> Any:
        """A body of the right form: what is required, and as little as is allowed."""
        schema = self.input_schema
        return None if schema is None else self.smallest(schema)

    def smallest(self, schema: dict[str, Any]) -> Any:
        """The smallest value of a schema."""
        schema = self.resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                return {name: self.smallest(properties[name]) for name in schema.get("required", ())}
            case "array":
                return [self.smallest(schema["items"]) for _ in range(schema.get("minItems", 0))]
            case "integer" | "number":
                return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
            case "boolean":
                return False
            case _:
                return _smallest_text(schema)

    def nowhere(self) -> str:
        """The path with ids that do not exist."""
        kinds = {p["name"]: p["schema"] for p in self.operation.get("parameters", ()) if p["in"] == "path"}
        path: str = self.path
        return path.format(**{name: self.smallest(kind) for name, kind in kinds.items()})


def _smallest_text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(new_id())
    if schema.get("format") == "date":
        return "2026-11-21"
    if schema.get("format") == "date-time":
        return "2026-11-21T10:00:00Z"
    if "pattern" in schema:
        found = (
            text for text in ("1", "USD", "US", "A", "UTC", "a@b.example") if re.search(schema["pattern"], text)
        )  # fmt: skip
        return next(found)
    return "A" * max(1, int(schema.get("minLength", 1)))


def doors() -> Iterator[Door]:
    """Every operation of every service but the endless stream."""
    for service in SERVICES:
        document = import_module(f"services.{service}.main").app.openapi()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if not path.endswith("/stream"):
                    yield Door(service, method.upper(), path, operation, document)


DOORS = list(doors())
