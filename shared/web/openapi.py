"""The OpenAPI document of one service."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from shared.web.admission import READS
from shared.web.models import Problem
from shared.web.problems import problems


def openapi_document(app: FastAPI, title: str, description: str) -> dict[str, Any]:
    """The document of one service: bearer scopes, Idempotency-Key on POST, If-Match where needed, problem answers."""
    document = get_openapi(title=title, version="1", description=description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    template = "#/components/schemas/{model}"
    schemas["Problem"] = Problem.model_json_schema(ref_template=template)
    schemas |= schemas["Problem"].pop("$defs", {})
    for route in api_routes(app):
        for method in route.methods or ():
            operation = document.get("paths", {}).get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, method)
    return document


def api_routes(app: FastAPI) -> list[Any]:
    """The routes that the document describes, with their whole paths, however their routers are nested."""
    contexts = iter_route_contexts(app.routes)
    return [c for c in contexts if isinstance(c.original_route, APIRoute) and c.include_in_schema]


def _complete(operation: dict[str, Any], route: Any, method: str) -> None:
    headers = operation.setdefault("parameters", [])
    if method == "POST":
        headers.append(
            _header(
                "Idempotency-Key",
                "Sending the same request again with the same key answers the same",
                "^[!-~]+$",
            )
        )
    if any(getattr(d.call, "if_match", False) for d in route.dependant.dependencies):
        headers.append(_header("If-Match", 'The ETag that was read, such as `"3"`', '^(W/)?"[0-9]{1,18}"$'))
    answers = operation["responses"]
    statuses = {400, 401, 403, 422, 429, 503}
    if method not in READS:
        statuses |= {408, 409, 413}
    if "{" in route.path_format:
        statuses |= {404}
    if any(h.get("name") == "If-Match" for h in headers):
        statuses |= {412, 428}
    answers |= {str(status): body for status, body in problems(*sorted(statuses)).items()}


def _header(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern}
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}
