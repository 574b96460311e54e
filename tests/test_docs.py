"""House rules a reader can check: each module has its page and its tests, links lead on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
MODULES = sorted(
    path for path in (ROOT / "reflex_drf").rglob("*.py") if path.name not in {"__init__.py"}
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def page_name(module: Path) -> str:
    return module.stem.replace("_", "-")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_each_module_has_a_page_in_the_docs(module: Path) -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert f"`{module.relative_to(ROOT)}`" in index, f"docs/index.md does not name {module}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [link.split("#")[0] for link in LINK.findall(page.read_text())]
    local = [target for target in targets if target and "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_each_page_is_listed_in_the_index(page: Path) -> None:
    if page.name != "index.md":
        assert f"({page.name})" in (ROOT / "docs" / "index.md").read_text()


@pytest.mark.parametrize(
    "module", sorted((ROOT / "reflex_drf").rglob("*.py")), ids=lambda path: path.stem
)
def test_modules_stay_small_enough_to_read(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 350


FEATURE = re.compile(r"^\|.*\| (yes|no|part) \| (?:`([^`]+)`)? ?\|$", re.M)


def test_each_feature_of_ours_names_a_test_that_exists() -> None:
    found = FEATURE.findall((ROOT / "docs" / "features.md").read_text())
    assert len(found) > 30
    assert [named for ours, named in found if (ours == "yes") is not bool(named)] == []
    missing = [named for _, named in found if named and not _is_test(named)]
    assert missing == []


def _is_test(named: str) -> bool:
    """Whether a file of the tests has a class and a function of these names, one in the other."""
    file, *parts = named.split("::")
    path = ROOT / "tests" / file
    if not path.exists():
        return False
    body = ast.parse(path.read_text()).body
    for part in parts:
        node = next((n for n in body if getattr(n, "name", None) == part), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True
