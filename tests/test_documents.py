"""The generated documents are what they say they are, so that other people's tools can read them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from shared.contracts import every_fact
from shared.migrate import SERVICES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_openapi_document_is_valid(service: str) -> None:
    found = document(f"openapi/{service}.json")

    validate(found)

    assert found["openapi"].startswith("3.1")
    assert found["paths"]


def test_an_openapi_document_that_is_broken_is_caught() -> None:
    broken = document("openapi/orders.json")
    next(iter(broken["paths"].values()))["get"] = {"parameters": [{"name": "nowhere"}]}

    with pytest.raises(OpenAPIValidationError):
        validate(broken)


def references(part: Any) -> Iterator[str]:
    """Every `$ref` below a part of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def leads_somewhere(whole: dict[str, Any], reference: str) -> bool:
    """Whether a local reference (`#/a/b`) names something in the document."""
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or step not in found:
            return False
        found = found[step]
    return reference.startswith("#/")


def test_every_reference_of_a_document_leads_somewhere() -> None:
    for name in ("asyncapi.json", *(f"openapi/{service}.json" for service in SERVICES)):
        whole = document(name)
        assert [one for one in set(references(whole)) if not leads_somewhere(whole, one)] == [], name

    assert not leads_somewhere({"components": {}}, "#/components/schemas/Gone")
    assert not leads_somewhere({"components": {}}, "https://elsewhere.example/components")


def test_every_fact_has_a_channel_with_its_message_a_teller_and_its_hearers() -> None:
    whole = document("asyncapi.json")
    facts = {fact.__name__: fact for fact in every_fact().values()}

    assert whole["asyncapi"] == "3.0.0"
    assert whole["info"].keys() >= {"title", "version"}
    assert whole["channels"].keys() == facts.keys()
    for name, channel in whole["channels"].items():
        assert channel["address"] == facts[name].TYPE
        assert channel["messages"] == {name: {"$ref": f"#/components/messages/{name}"}}
    asked = {
        (one["action"], one["channel"]["$ref"].rsplit("/", 1)[1]) for one in whole["operations"].values()
    }
    assert {name for action, name in asked if action == "send"} == facts.keys()
    assert {name for action, name in asked if action == "receive"} == {
        name for name, fact in facts.items() if not fact.OUTSIDE
    }


def test_the_golden_samples_are_messages_as_the_document_describes_them() -> None:
    whole = document("asyncapi.json")

    for kind, fact in every_fact().items():
        sample = (ROOT / "tests" / "contracts" / "samples" / f"{kind}.json").read_text(encoding="utf-8")
        data = json.loads(fact.model_validate_json(sample).model_dump_json())
        event = {
            "specversion": "1.0", "id": "0197c9c0-0000-7000-8000-000000000001", "type": kind, "source": "/tieline",
            "subject": "one", "time": "2026-11-21T12:00:00Z", "data": data,
        }  # fmt: skip
        message = whole["components"]["messages"][fact.__name__]
        reader = Draft202012Validator({**message["payload"], "components": whole["components"]})

        assert [problem.message for problem in reader.iter_errors([event])] == [], kind
        assert not reader.is_valid([])
        assert not reader.is_valid([{**event, "data": {}}])
