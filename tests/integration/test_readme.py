"""What README.md says to type is typed, in a story's own words."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.houses import House
from tests.integration.story import Story

README = Path(__file__).parent.parent.parent / "README.md"


def _script(about: str, **words: str) -> str:
    """The block of README.md that is about something, behind its shorthands; stops at what fails."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    shorthands = [
        line for block in blocks for line in block.splitlines() if line.startswith(("api()", "field()"))
    ]
    (block,) = (block for block in blocks if about in block)
    for said, own in words.items():
        block = block.replace(said.replace("_", "-"), own)
    return "\n".join(["set -eo pipefail", *shorthands, block])


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-9")
@pytest.mark.rule("SHIP-6")
async def test_what_the_readme_says_about_too_little_stock_works_as_it_stands_there(
    house: House, story: Story, tmp_path: Path
) -> None:
    await story.opens()
    sku = await story.item("WALLPACK")
    await story.on_the_shelf(sku, 12)
    first, second = await story.customer("FIRST"), await story.customer("SECOND", shortage_answer=None)
    script = _script("WALLPACK-40W", WALLPACK_40W=sku, C1001=first, C1003=second, MAIN=story.warehouse)
    paper = tmp_path / "pick-list.html"
    place = house.place

    typed = await asyncio.create_subprocess_exec(
        "bash", "-c", script.replace("/tmp/pick-list.html", str(paper)),
        env={**os.environ, "TOKEN": place.token, **{name.upper(): url for name, url in place.urls.items()}},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, faults = (text.decode() for text in await typed.communicate())

    assert typed.returncode == 0, faults + out
    assert out.startswith("9\nLine 1: 3 of 8 ")
    assert "Check the pricing policy" in out
    assert "<h1>Pick list</h1>" in paper.read_text(encoding="utf-8")
