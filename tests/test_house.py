"""The same rooms everywhere, facts that somebody hears, routes that ask who calls, and nobody who commits on the side.

Each guard has been seen to fail on a planted violation (the parametrised `planted` tests below keep it so).
"""

import ast
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from deploy.documents import documents
from deploy.topology import subscriptions
from shared.contracts import every_fact
from shared.migrate import SERVICES
from shared.testing import ALL_SCOPES
from shared.web import api_routes

ROOT = Path(__file__).parent.parent
ROOMS = ("domain", "tables", "schemas", "store", "views", "handlers", "subscriptions", "api", "main")
PUBLIC = {"/health/live", "/health/ready", "/metrics"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    house = ROOT / "services" / service

    missing = [
        room
        for room in ROOMS
        if not ((house / f"{room}.py").exists() or (house / room / "__init__.py").exists())
    ]

    assert missing == []
    assert (house / "tests").is_dir()
    assert list((house / "migrations" / "versions").glob("0001_*.py"))
    readme = (house / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 60


def test_every_fact_is_heard_or_says_outside() -> None:
    heard = {kind for kinds in subscriptions().values() for kind in kinds}

    unheard = [kind for kind, fact in every_fact().items() if kind not in heard and not fact.OUTSIDE]
    needless = [kind for kind, fact in every_fact().items() if kind in heard and fact.OUTSIDE]

    assert unheard == []
    assert needless == []


def test_every_fact_has_a_golden_sample_that_is_parsed_for_ever() -> None:
    samples = ROOT / "tests" / "contracts" / "samples"
    facts = every_fact()

    for kind, fact in facts.items():
        text = (samples / f"{kind}.json").read_text(encoding="utf-8")
        read = fact.model_validate_json(text)
        assert fact.model_validate_json(read.model_dump_json()) == read
        assert read.subject
    assert {path.stem for path in samples.glob("*.json")} == set(facts)


def test_a_fact_tolerates_what_a_newer_producer_adds() -> None:
    samples = ROOT / "tests" / "contracts" / "samples"

    for kind, fact in every_fact().items():
        text = (samples / f"{kind}.json").read_text(encoding="utf-8")
        fact.model_validate_json(text.rstrip()[:-1] + ', "said_by_a_newer_producer": 1}')


def test_generated_documents_are_as_the_code_says() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, content in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]

    assert stale == [], "run: python -m deploy.documents"


def routes() -> Iterator[tuple[str, str, frozenset[str], bool]]:
    """(service, method and path, scopes, asks for a version) of every route."""
    for service in SERVICES:
        for route in api_routes(import_module(f"services.{service}.main").app):
            found: set[str] = set()
            for dependency in route.dependant.dependencies:
                if hasattr(dependency.call, "if_match"):
                    found |= set(dependency.own_oauth_scopes or ())
            name = f"{service}: {' '.join(sorted(route.methods or ()))} {route.path_format}"
            yield (
                service,
                name,
                frozenset(found),
                any(getattr(d.call, "if_match", False) for d in route.dependant.dependencies),
            )


def test_every_route_has_a_scope_and_every_scope_a_route() -> None:
    found = list(routes())

    assert [name for _, name, scopes, _ in found if not scopes] == []
    used = frozenset(scope for *_, scopes, _ in found for scope in scopes)
    assert used <= ALL_SCOPES
    assert len(found) > 80


def test_every_update_asks_for_the_version_that_was_read() -> None:
    careless = [name for _, name, _, versioned in routes() if " PATCH " in f" {name} " and not versioned]

    assert careless == []


def test_operation_ids_are_unique_over_all_services() -> None:
    seen: dict[str, str] = {}
    for service in SERVICES:
        for path, methods in import_module(f"services.{service}.main").app.openapi()["paths"].items():
            for method, operation in methods.items():
                name = operation["operationId"]
                assert name not in seen, f"{name}: {seen.get(name)} and {service} {method} {path}"
                seen[name] = f"{service} {method} {path}"


COMMITTERS = {"shared/unit_of_work.py", "shared/migrate.py", "shared/testing.py"}
COMMITS = re.compile(r"\.(commit|begin|begin_nested)\(")


def committing(tree: Path, allowed: set[str]) -> list[str]:
    """Python files below `shared` and `services` that open or end transactions on their own."""
    return sorted(
        str(path.relative_to(tree))
        for folder in ("shared", "services")
        for path in (tree / folder).rglob("*.py")
        if "/tests/" not in str(path) and str(path.relative_to(tree)) not in allowed
        if COMMITS.search(path.read_text(encoding="utf-8"))
    )


def test_nobody_commits_but_run() -> None:
    assert committing(ROOT, COMMITTERS) == []


def test_a_planted_commit_is_caught(tmp_path: Path) -> None:
    planted = tmp_path / "services" / "orders" / "handlers.py"
    planted.parent.mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    planted.write_text("async def open_order(tx):\n    await tx.db.commit()\n")

    assert committing(tmp_path, COMMITTERS) == ["services/orders/handlers.py"]


CATCHERS = {
    "shared/inbox.py", "shared/service.py", "shared/web/edge.py", "shared/web/gathering.py",
    "shared/database.py",  # only to raise what SQLAlchemy raises, and to end a session that was cut off
}  # fmt: skip


def catching_everything(path: Path) -> list[int]:
    """Lines that catch `Exception`, `BaseException` or anything."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
    ]


def test_nobody_catches_everything_but_the_two_doors() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("shared", "services")
        for path in (ROOT / folder).rglob("*.py")
        if str(path.relative_to(ROOT)) not in CATCHERS
        for line in catching_everything(path)
    ]

    assert found == []


BANNED = re.compile(r"(^|_)(utils?|helpers?|manager|misc)(_|\.|$)|^process_")


def test_no_file_or_function_has_a_word_without_rank() -> None:
    found = []
    for folder in ("shared", "services", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            defined = (
                n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            )
            names = [path.stem, *(node.name.lower() for node in defined)]
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if BANNED.search(name)]

    assert found == []


def rule_ids(text: str) -> set[str]:
    """`ITEM-1`, `BO-13`, … that a text names."""
    return set(re.findall(r"\b(?:ITEM|ORD|BO|SO|BUY|SHIP|NOTE)-\d+\b", text))


BUILT = rule_ids(
    "ITEM-1 ITEM-2 ITEM-3 ITEM-4 ITEM-5 ITEM-6 ORD-1 ORD-2 ORD-3 ORD-4 ORD-5 ORD-6 "
    "BO-1 BO-2 BO-3 BO-4 BO-5 BO-6 BO-7 BO-8 BO-9 BO-10 BO-11 BO-12 BO-13 BO-14 BO-15 BO-16 BO-18 "
    "SO-1 SO-2 SO-5 SO-6 SO-8 SO-10 SO-12 SO-14 SO-16 BUY-1 BUY-2 BUY-5 BUY-9 BUY-12 BUY-16 BUY-19 "
    "SHIP-1 SHIP-2 SHIP-3 SHIP-4 SHIP-5 SHIP-6 NOTE-1"
)
"""The rules that are built so far; each has a test that names it, and a row in docs/rules.md that says so."""


def test_every_built_rule_is_named_by_a_test() -> None:
    tests = [
        p
        for folder in ("services", "tests")
        for p in (ROOT / folder).rglob("test_*.py")
        if p.name != "test_house.py"
    ]

    named = set().union(*(rule_ids(path.read_text(encoding="utf-8")) for path in tests))

    assert sorted(BUILT - named) == []


def rule_rows() -> dict[str, list[str]]:
    """docs/rules.md: rule -> the cells of its row."""
    rows: dict[str, list[str]] = {}
    for line in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and (ids := rule_ids(cells[0])) and cells[0] in ids:
            rows[cells[0]] = cells
    return rows


def test_every_built_rule_has_a_row_that_points_to_code_and_tests_that_exist() -> None:
    rows = rule_rows()

    assert sorted(BUILT - set(rows)) == []
    for rule in sorted(BUILT):
        paths = re.findall(r"`((?:services|shared|tests)/[\w/.]+)`", " ".join(rows[rule]))
        assert any("/tests/" in path or path.startswith("tests/") for path in paths), f"{rule} names no test"
        assert [path for path in paths if not (ROOT / path).exists()] == [], rule


def test_the_page_and_the_list_call_the_same_rules_built() -> None:
    said = {rule for rule, cells in rule_rows().items() if cells[-1].startswith("built")}

    assert sorted(said ^ BUILT) == []


NAMED = re.compile(r"`((?:services|shared|tests|deploy)/[\w/.]+)` ([\w., ]+)")


def unknown_names(page: str) -> list[str]:
    """Functions and tests that a page names behind a file's path, and that the file does not have."""
    return [
        f"{path}: {name}"
        for cell in page.replace("\n", "|").split("|")
        for path, names in NAMED.findall(cell)
        for name in re.split(r",\s*", names.strip())
        if not re.search(rf"\b{name.split('.')[-1]}\b", (ROOT / path).read_text(encoding="utf-8"))
    ]


def test_every_name_on_the_rules_page_stands_in_the_file_it_is_said_to_stand_in() -> None:
    assert unknown_names((ROOT / "docs" / "rules.md").read_text(encoding="utf-8")) == []


def test_a_name_that_has_gone_is_caught() -> None:
    planted = "| BO-6 | rank | `shared/errors.py` Refused, resized | `tests/test_house.py` unknown_names |"

    found = unknown_names(planted)

    assert found == ["shared/errors.py: resized"]


def test_no_path_of_a_machine_stands_in_the_tree() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in _written_files()
        if re.search(r"/wo[r]k/|bash_jo[b]s", path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


def _written_files() -> Iterator[Path]:
    """Texts of the tree; what others write while we look (databases, tools) is not entered."""
    for folder, inside, files in os.walk(ROOT):
        inside[:] = sorted(set(inside) - {".venv", ".git", ".local", "node_modules"})
        for name in sorted(files):
            if Path(name).suffix in {".py", ".md", ".toml", ".yml", ".sh", ".json"}:
                yield Path(folder) / name
