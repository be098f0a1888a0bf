"""Fault 51: words that mean something to a database, a shell, a browser or a spreadsheet are only words here."""

import json
from typing import Any

import pytest

from shared.testing import Api
from tests.doors import DOORS, Door
from tests.security.test_doors import apis

__all__ = ["apis"]

WORDS = [
    "'; DROP TABLE outbox; --", "\" OR \"1\"=\"1", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "@SUM(1+1)",
    "a\r\nX-Evil: 1", "${jndi:ldap://x}", "%s%n{0}{{7*7}}", "../../etc/passwd", "\u202egnp.exe", "\\x00\\u0000",
]  # fmt: skip


def filled(door: Door, schema: dict[str, Any], words: str) -> Any:
    """The smallest body, with these words in every place that takes any text."""
    schema = door.resolved(schema)
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        small = door.smallest(schema)
        free = {name: words for name, part in properties.items() if _is_free_text(door, part)}
        nested = {name: filled(door, properties[name], words) for name in small if name not in free}
        return {**small, **nested, **free}
    if schema.get("type") == "array":
        return [filled(door, schema["items"], words) for _ in range(schema.get("minItems", 0))]
    return door.smallest(schema)


def _is_free_text(door: Door, schema: dict[str, Any]) -> bool:
    schema = door.resolved(schema)
    return schema.get("type") == "string" and not {"pattern", "enum", "format", "const"} & set(schema)


@pytest.mark.fault(51)
@pytest.mark.parametrize("door", [d for d in DOORS if d.input_schema is not None], ids=str)
async def test_words_are_only_words(apis: dict[str, Api], door: Door) -> None:
    for words in WORDS:
        answer = await apis[door.service].request(
            door.method, door.nowhere(), json=filled(door, door.input_schema or {}, words), headers={"If-Match": '"1"'}
        )  # fmt: skip
        assert answer.status_code < 500, f"{door}: {words!r}: {answer.text[:300]}"
        assert "x-evil" not in answer.headers, f"{door}: {words!r}"
        if answer.status_code == 201 and _kept(door):
            assert words in _texts(answer.json()), f"{door}: {words!r} is not kept: {answer.text[:300]}"


def _kept(door: Door) -> bool:
    return any(_is_free_text(door, part) for part in (door.input_schema or {}).get("properties", {}).values())


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def test_the_words_survive_json() -> None:
    assert json.loads(json.dumps(WORDS)) == WORDS
