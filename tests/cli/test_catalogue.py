"""The importer's reading: every fault is named by file, line and column, and nothing is sent before all is well."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.cli.catalogue_import import content_key, references
from deploy.cli.catalogue_rows import read_catalogue

DEMO = Path(__file__).parent.parent.parent / "deploy" / "demo"
WAREHOUSES = "code,name,company,time_zone\nMAIN,Main,TL1,UTC\n"
ITEMS = (
    "sku,description,kind,unit,precision,product_line,special_order,drop_ship,price,currency,special_vendor\n"
)
STOCK = "sku,warehouse,on_hand\n"


def catalogue(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def faults(folder: Path) -> list[str]:
    found = read_catalogue(folder)
    return [str(fault) for fault in (*found.faults, *references(found))]


def test_the_demo_catalogue_is_large_and_without_fault() -> None:
    found = read_catalogue(DEMO)

    assert faults(DEMO) == []
    assert len(found.items) >= 300
    assert (len(found.product_lines), len(found.vendors), len(found.warehouses)) == (10, 12, 3)
    assert len(found.customers) == 40


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("W,Wire,stocked,FT,2,,false,false,1.x,USD,", "items.csv:2 price"),
        ("W,Wire,stocked,FT,2,,maybe,false,1,USD,", "items.csv:2 special_order"),
        ("W,Wire,toy,FT,2,,false,false,1,USD,", "items.csv:2 kind"),
        ("W,Wire,stocked,FT,2,,false,false,-1,USD,", "items.csv:2 price"),
        ("w!,Wire,stocked,FT,2,,false,false,1,USD,", "items.csv:2 sku"),
        ("W,Wire,stocked,FT,2,GONE,false,false,1,USD,", "items.csv:2 product_line: GONE is not defined"),
        ("W,Wire,stocked,FT,2,,true,true,1,USD,", "items.csv:2 drop_ship"),
        ("W,Wire,stocked,FT", "items.csv:2: expected 11 columns"),
        (
            "W,Wire,stocked,FT,2,,false,false,1,USD,\nW,Wire,stocked,FT,2,,false,false,1,USD,",
            "items.csv:3 sku: W stands in line 2",
        ),
    ],
)
def test_a_fault_is_named_by_file_line_and_column(tmp_path: Path, row: str, fault: str) -> None:
    (found,) = faults(catalogue(tmp_path, {"items.csv": f"{ITEMS}{row}\n"}))

    assert found.startswith(fault)


def test_a_quantity_must_fit_its_items_unit(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, {
        "warehouses.csv": WAREHOUSES,
        "items.csv": f"{ITEMS}W,Widget,stocked,EA,0,,false,false,1,USD,\n",
        "stock.csv": f"{STOCK}W,MAIN,1.5\n",
    })  # fmt: skip

    assert faults(folder) == ["stock.csv:2 on_hand: 1.5 has more decimals than the 0 of EA"]


def test_a_wrong_header_and_an_unreadable_file_are_faults(tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_bytes(b"sku,warehouse,on_hand\n\xff\xfe,MAIN,1\n")
    catalogue(tmp_path, {"warehouses.csv": "code,title\nMAIN,Main\n"})

    found = faults(tmp_path)

    assert any(f.startswith("warehouses.csv:1: the header must name exactly") for f in found)
    assert any(f.startswith("stock.csv:0: not readable as UTF-8 CSV") for f in found)


def test_a_faulty_catalogue_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, {"stock.csv": f"{STOCK}GONE,MAIN,1\n"})

    answer = CliRunner().invoke(
        app, ["import", str(folder), "--base-url", "http://127.0.0.1:9", "--keys", str(tmp_path)]
    )

    assert answer.exit_code == 1
    assert "stock.csv:2 sku: GONE is not defined" in answer.output
    assert "Nothing was imported" in answer.output


def test_an_empty_folder_says_what_is_expected(tmp_path: Path) -> None:
    (found,) = faults(tmp_path)

    assert "expected items.csv" in found


def test_the_same_row_has_the_same_key_whenever_it_is_sent() -> None:
    assert content_key("/v1/items", {"a": 1, "b": 2}) == content_key("/v1/items", {"b": 2, "a": 1})
    assert content_key("/v1/items", {"a": 1}) != content_key("/v1/items", {"a": 2})
