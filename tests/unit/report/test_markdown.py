"""The summary in Markdown: whole, and not to be led astray by what is in an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipelines.release import Release
from pipelines.report.markdown import code, escaped, markdown, table

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


@pytest.mark.parametrize("name", ["published", "refused", "rehearsed"])
def test_golden_markdown(samples: Samples, golden: Callable[[str, str], None], name: str) -> None:
    made: Release = getattr(samples, name)()
    golden(f"summary-{name}.md", markdown(made))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", "a &#124; b"),
        ("a\n\n# b", "a &#35;&#8288; b"),
        ("@everyone", "&#64;&#8288;everyone"),
        ("see #12", "see &#35;&#8288;12"),
        ("[a](https://b)", "&#91;a&#93;(https&#58;//b)"),
        ("www.example.com", "www&#46;example.com"),
        ("<script>", "&#60;script&#62;"),
        (
            "`a` **b** _c_ ~d~ $e$ :f:",
            "&#96;a&#96; &#42;&#42;b&#42;&#42; &#95;c&#95; &#126;d&#126; &#36;e&#36; &#58;f&#58;",
        ),
        ("\x1b[2J", "&#92;x1b&#91;2J"),
        ("python3-pip 1.2+b (x)", "python3-pip 1.2+b (x)"),
    ],
)
def test_what_would_mean_something_is_shown(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_code_and_tables() -> None:
    assert code("a`b<") == "<code>a&#96;b&#60;</code>"
    assert code("") == ""
    assert list(table(("a", "n"), [("x", "1")], right=(1,))) == ["| a | n |", "|---|--:|", "| x | 1 |", ""]
    assert list(table(("a",), [])) == []


def test_a_finding_cannot_leave_its_cell(samples: Samples) -> None:
    release = samples.refused()
    unit = release.units[0]
    assert unit.scan is not None
    evil = replace(unit.scan.findings[0], title="| x |\n</details>\n@team <img src=x>", package="[a](http://b)")
    release = replace(release, units=(replace(unit, scan=replace(unit.scan, findings=(evil,))), *release.units[1:]))
    text = markdown(release)
    (row,) = [line for line in text.splitlines() if "img src" in line]
    assert row.count("|") == 7
    assert "@team" not in text
    assert "<img" not in text
    assert text.count("</details>") == 1


def test_of_very_many_findings_the_worst_are_there(samples: Samples) -> None:
    release = samples.refused()
    unit = release.units[0]
    assert unit.scan is not None
    many = tuple(replace(unit.scan.findings[0], id=f"CVE-2024-{number:05}") for number in range(1000))
    release = replace(release, units=(replace(unit, scan=replace(unit.scan, findings=many)),))
    text = markdown(release)
    assert sum(line.startswith("| HIGH | CVE-2024-0") for line in text.splitlines()) == 200
    assert "800 more are in the reports." in text
