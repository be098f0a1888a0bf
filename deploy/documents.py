"""`python -m deploy.documents`: write what is generated: OpenAPI per service, AsyncAPI, `docs/events.md`, the topology.

A test compares the files with what this would write, so none of them drifts.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy.topology import FILE as TOPOLOGY_FILE
from deploy.topology import subscriptions, topology
from shared.contracts import PRODUCERS, Fact, every_fact
from shared.migrate import SERVICES
from shared.web import openapi_document

ROOT = Path(__file__).parent.parent


def documents() -> dict[Path, str]:
    """Every generated file's content, by path."""
    found = {ROOT / "docs" / "openapi" / f"{service}.json": _openapi(service) for service in SERVICES}
    found[ROOT / "docs" / "asyncapi.json"] = _json(asyncapi())
    found[ROOT / "docs" / "events.md"] = events_page()
    found[TOPOLOGY_FILE] = topology().text()
    return found


def _openapi(service: str) -> str:
    app = import_module(f"services.{service}.main").app
    document = app.openapi()
    return _json(document)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def hearers(fact: type[Fact]) -> list[str]:
    """The services that subscribe to a fact."""
    return [service for service, types in subscriptions().items() if fact.TYPE in types]


def events_page() -> str:
    """`docs/events.md`: every fact with its meaning, who tells it, who hears it, and its fields."""
    lines = [
        "# Events",
        "",
        "Generated from `shared/contracts` and the services' subscriptions by `python -m deploy.documents`; not edited.",
        "",
        "Every message is a batch (`application/cloudevents-batch+json`) of 1 to 50 CloudEvents 1.0 on the exchange"
        " `<producer>.events`, with the fact's type as routing key. Quantities and money are strings.",
        "",
        "| fact | told by | heard by | type |",
        "|---|---|---|---|",
    ]
    facts = sorted(every_fact().values(), key=lambda f: (PRODUCERS.index(f.producer()), f.TYPE))
    for fact in facts:
        heard = ", ".join(hearers(fact)) or "outside only"
        lines.append(
            f"| [{fact.__name__}](#{fact.__name__.lower()}) | {fact.producer()} | {heard} | `{fact.TYPE}` |"
        )
    for fact in facts:
        lines += ["", f"## {fact.__name__}", "", f"`{fact.TYPE}`", "", _sentence(fact), "", *_fields(fact)]
    return "\n".join(lines) + "\n"


def _sentence(model: type[Any]) -> str:
    return " ".join((model.__doc__ or "").split())


def _fields(fact: type[Fact]) -> list[str]:
    schema = fact.model_json_schema(mode="serialization")
    rows = ["| field | type |", "|---|---|"]
    rows += [f"| `{name}` | {_type(field)} |" for name, field in schema["properties"].items()]
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            rows += [
                "",
                f"`{name}`: {' '.join(part.get('description', '').split())}",
                "",
                "| field | type |",
                "|---|---|",
            ]
            rows += [f"| `{field}` | {_type(inner)} |" for field, inner in part["properties"].items()]
        else:
            rows += ["", f"`{name}`: one of {', '.join(f'`{v}`' for v in part.get('enum', []))}"]
    return rows


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    kind = field.get("format") or ("decimal as string" if "pattern" in field else field.get("type", "any"))
    return str(kind)


def asyncapi() -> dict[str, Any]:
    """An AsyncAPI 3 document: one channel per fact, sent by its producer, received by whoever subscribes."""
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for kind, fact in sorted(every_fact().items()):
        name = fact.__name__
        schema = fact.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
        channels[name] = {
            "address": kind,
            "description": _sentence(fact),
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {"name": f"{fact.producer()}.events", "type": "topic", "durable": True},
                }
            },
        }
        operations[f"{fact.producer()}Tells{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
        for hearer in hearers(fact):
            operations[f"{hearer}Hears{name}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{name}"},
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tieline",
            "version": "1",
            "description": "The facts that Tieline's services tell each other.",
        },
        "defaultContentType": "application/cloudevents-batch+json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: _message(name) for name in channels},
            "schemas": schemas | {"CloudEvent": CLOUD_EVENT},
        },
    }


def _message(name: str) -> dict[str, Any]:
    event = {
        "allOf": [
            {"$ref": "#/components/schemas/CloudEvent"},
            {"properties": {"data": {"$ref": f"#/components/schemas/{name}"}}},
        ]
    }
    return {"name": name, "payload": {"type": "array", "minItems": 1, "maxItems": 50, "items": event}}


_TEXT = {"type": "string"}
CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0 with our extension attributes",
    "required": ["specversion", "id", "type", "source", "subject", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "format": "uuid"},
        "type": _TEXT,
        "source": _TEXT,
        "subject": _TEXT,
        "time": {**_TEXT, "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "correlationid": _TEXT,
        "causationid": _TEXT,
        "actor": _TEXT,
        "traceparent": _TEXT,
        "version": {"type": "integer"},
        "data": {"type": "object"},
    },
}


def main() -> int:
    """Write every generated file."""
    for path, content in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["documents", "openapi_document"]
