"""The REST door: who calls, in which form, and how it is answered. HTTP status lives here only.

A route parses, calls `call.run(handler, …)`, `call.gather(handler, …)`, `call.read(view, …)` or `call.list(query, …)`, and
returns. Every problem is an RFC 9457 document; business refusals are 409, malformed input 422, and nothing of our insides
is told.
"""

from shared.web.admission import WaitSeconds, allows, paging
from shared.web.call import Call, NoSuchDocument
from shared.web.edge import Edge
from shared.web.models import PROBLEMS, BatchResult, FieldProblem, Input, Output, Page, Problem
from shared.web.openapi import api_routes, openapi_document
from shared.web.problems import (
    MOST_BODY_BYTES,
    install_problem_handlers,
    problem,
    problems,
    status_of,
)

__all__ = [
    "MOST_BODY_BYTES", "PROBLEMS", "BatchResult", "Call", "Edge", "FieldProblem", "Input", "NoSuchDocument", "Output",
    "Page", "Problem", "WaitSeconds", "allows", "api_routes", "install_problem_handlers", "openapi_document", "paging",
    "problem", "problems", "status_of",
]  # fmt: skip
