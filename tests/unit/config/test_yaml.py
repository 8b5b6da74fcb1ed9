"""What YAML itself can get wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.config import InvalidConfig, parse
from pipelines.config.yaml_nodes import parse_yaml

Problems = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "sealift.yaml:1:1: is empty; expected a mapping with version, project, source, services and environments"),
        ("# nothing\n", "sealift.yaml:1:1: is empty; expected"),
        ("---\n", "sealift.yaml:1:1: is empty; expected"),
        ("- version: 1\n", "sealift.yaml:1:1: expected a mapping with version"),
        ("just text\n", "sealift.yaml:1:1: expected a mapping with version"),
        (
            "a: [1, 2\nb: 3\n",
            "sealift.yaml:2:2: not YAML: while parsing a flow sequence that begins on line 1, expected",
        ),
        ("a:\n\tb: 1\n", "sealift.yaml:2:1: not YAML: a tab where spaces must be"),
        ("a: 1\n---\nb: 2\n", "sealift.yaml:2:1: not YAML: expected a single document"),
        ("a: *nowhere\n", "sealift.yaml:1:4: not YAML: found undefined alias 'nowhere'"),
        ("a: 1\nb: x\x01\n", "sealift.yaml:2:5: not YAML: the character '\\x01' may not stand in it"),
        ("[" * 100_000, "sealift.yaml:1:66: not YAML: nested too deep"),
        ("a: &a [*a]\n", "sealift.yaml:1:4: its aliases nest more than 64 levels deep; does one contain itself?"),
    ],
)
def test_unreadable(problems_of: Problems, text: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(message)


def test_a_tab_gets_a_hint(problems_of: Problems) -> None:
    assert problems_of("a:\n\tb: 1\n")[0].endswith(": a tab where spaces must be; indent with spaces")


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)),
        f"a: &a {{{','.join(f'k{i}: 1' for i in range(3000))}}}\nb: {{<<: [{','.join(['*a'] * 3000)}]}}\n",
    ],
    ids=["aliases", "merge keys"],
)
def test_a_bomb_is_not_expanded(problems_of: Problems, bomb: str) -> None:
    (problem,) = problems_of(bomb)
    assert "its aliases make more than 100,000 values" in problem


def test_every_duplicate_is_named_with_both_lines(problems_of: Problems) -> None:
    found = problems_of("version: 1\nservices:\n  a: {}\n  b: {}\n  a: {}\n  b: {}\nversion: 1\n")
    assert "sealift.yaml:5:3 services.a: declared twice: on line 3 and on line 5" in found
    assert "sealift.yaml:6:3 services.b: declared twice: on line 4 and on line 6" in found
    assert "sealift.yaml:7:1 version: declared twice: on line 1 and on line 7" in found


def test_keys_are_text(problems_of: Problems) -> None:
    found = problems_of("on: 1\n1: 2\n? [a]\n: 3\n")
    quotes = "put it in quotes"
    assert f"sealift.yaml:1:1: 'on': a key must be text, and YAML reads this one as bool; {quotes}" in found
    assert f"sealift.yaml:2:1: '1': a key must be text, and YAML reads this one as int; {quotes}" in found
    assert f"sealift.yaml:3:3: a key must be text, and YAML reads this one as seq; {quotes}" in found


def test_no_tag_chooses_a_type(problems_of: Problems) -> None:
    found = problems_of("version: !!python/object/apply:os.getcwd []\nproject: !mine x\nsource: !!int x\n")
    assert any(line.startswith("sealift.yaml:1:10 version: the tag ") for line in found)
    assert "sealift.yaml:2:10 project: the tag '!mine' is not supported; put the value in quotes" in found
    assert "sealift.yaml:3:9 source: 'x' cannot be read as int" in found


def test_a_number_that_python_refuses_is_a_problem(problems_of: Problems) -> None:
    found = problems_of(f"version: {'9' * 6000}\n")
    assert any(line.startswith("sealift.yaml:1:10 version: '999") and "cannot be read as int" in line for line in found)


def test_an_empty_value_is_not_null_by_accident(problems_of: Problems) -> None:
    found = problems_of("services:\n  a:\n    boot:\n  b:\n")
    message = "no value; leave the key out, or write null or {} if that is meant"
    assert f"sealift.yaml:3:10 services.a.boot: {message}" in found
    assert f"sealift.yaml:4:5 services.b: {message}" in found
    assert not any("services.b: expected" in line for line in found)


def test_merge_keys_and_aliases_are_data() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: [*b, *m], x: 9}\ntwo: *b\ndate: 2025-01-20\n"
    document = parse_yaml(text, file="f.yaml")
    assert document.problems == ()
    assert document.data == {
        "base": {"x": 1, "y": 2},
        "more": {"y": 3, "z": 4},
        "one": {"x": 9, "y": 2, "z": 4},
        "two": {"x": 1, "y": 2},
        "date": "2025-01-20",
    }
    assert document.position(("one", "z")) == (2, 20)
    assert document.position(("one", "x"), on_key=True) == (3, 21)
    assert document.position(("one", "nothing", "below")) == (3, 1)


def test_only_a_mapping_can_be_merged() -> None:
    (problem,) = parse_yaml("a: {<<: text}\n", file="f.yaml").problems
    assert str(problem) == "f.yaml:1:9 a['<<']: only a mapping can be merged in"


def test_a_mistake_behind_an_alias_is_told_once(problems_of: Problems) -> None:
    text = "services:\n  a: &a {contxt: x}\n  b: *a\n  c: {<<: *a}\n"
    assert len([line for line in problems_of(text) if "contxt" in line]) == 1


@pytest.mark.parametrize("character", ["\\0", "\\e", "\\r", "\\x7F", "\\x9B"])
def test_what_would_command_a_terminal_is_no_text(problems_of: Problems, character: str) -> None:
    found = problems_of(f'version: 1\n"a{character}": 1\nsource: "x{character}"\n')
    (key, value) = [problem for problem in found if "may not stand" in problem]
    assert key.startswith("sealift.yaml:2:1 ['a\\")
    assert value.startswith("sealift.yaml:3:9 source: the character '\\")
    assert value.endswith("' may not stand in it")


def test_thousands_of_problems_are_counted_and_not_printed() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse("{" + ",".join(f"k{number}: 1" for number in range(3000)) + "}")
    assert len(caught.value.problems) == 3005
    lines = str(caught.value).splitlines()
    assert len(lines) == 53
    assert lines[0] == "3005 problems in the configuration"
    assert lines[51] == "  … and 2,955 more, which show when these are mended"
