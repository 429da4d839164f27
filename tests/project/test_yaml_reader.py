"""Stories about YAML files: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seeknal.errors import Problem, ProjectError
from seeknal.project import yaml_reader
from seeknal.project.yaml_reader import Document, read_documents, read_yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def value(text: str) -> Any:
    return read_yaml(text.encode(), "a.yml").value


def problems(data: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as caught:
        read_yaml(data.encode() if isinstance(data, str) else data, "a.yml")
    found = caught.value.problems
    assert found
    assert all(problem.file == "a.yml" and problem.line >= 1 and problem.message for problem in found)
    return found


def refused(data: str | bytes, reason: str, line: int) -> str:
    (problem,) = problems(data)
    assert (problem.reason, problem.line) == (reason, line), problem
    return problem.message


# What a file means


def test_a_node_reads_as_plain_data_with_the_line_of_every_part() -> None:
    text = "# a node\nkind: transform\ninputs:\n  - ref: source.a\n  - {ref: source.b}\ntransform: |\n  SELECT 1\n"
    assert read_yaml(text.encode(), "a.yml") == Document(
        {"kind": "transform", "inputs": [{"ref": "source.a"}, {"ref": "source.b"}], "transform": "SELECT 1\n"},
        {
            (): 2, ("kind",): 2, ("inputs",): 3, ("inputs", 0): 4, ("inputs", 0, "ref"): 4,
            ("inputs", 1): 5, ("inputs", 1, "ref"): 5, ("transform",): 6, ("transform", 0): 7,
        },
    )  # fmt: skip


@pytest.mark.parametrize("form", ["k: |\n  {}", "k: >-\n  {}", "k:\n  {}", "k:\n  '{}'", "k: # so\n  {}"])
def test_a_text_below_its_key_has_a_line_of_its_own(form: str) -> None:
    lines = read_yaml(form.format("a").encode(), "a.yml").lines
    assert (lines[("k",)], lines[("k", 0)]) == (1, 2)
    assert ("k", 0) not in read_yaml(b"k: a", "a.yml").lines


@pytest.mark.parametrize("text", ["", "\n\n", "# later\n", "\ufeff", "---\n", "---\n...\n"])
def test_an_empty_file_is_nothing(text: str) -> None:
    document = read_yaml(text.encode(), "a.yml")
    assert document.value is None
    assert document.lines[()] in (1, 2)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("null", None), ("~", None), ("NULL", None), ("", None),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("tRUE", "tRUE"), ("nULL", "nULL"),
        ("0", 0), ("12", 12), ("-12", -12), ("+12", 12), ("0x1F", 31), ("0o17", 15),
        ("012", "012"), ("-012", "-012"), ("007.5", "007.5"), ("00", "00"),
        ("1_000", "1_000"), ("0b11", "0b11"), ("0x", "0x"), ("0o8", "0o8"), ("-0x1", "-0x1"), ("١٢", "١٢"),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("-1.5E-3", -0.0015), ("0.1", 0.1),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("nan", "nan"), (".", "."),
        ("12:30:45", "12:30:45"), ("190:20:30", "190:20:30"), ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"), ("1.2.3", "1.2.3"), ("=", "="), ("-", [None]),
        ("'12'", "12"), ('"true"', "true"), ("''", ""), ("! 12", "12"), ("|\n 12", "12"),
    ],
)  # fmt: skip
def test_words_mean_what_yaml_1_2_says_and_leading_zeros_stay(text: str, wanted: Any) -> None:
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


def test_nan_is_a_float() -> None:
    assert all(math.isnan(number) for number in value("[.nan, .NaN, .NAN]"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("!!str 12", "12"), ("!!str null", "null"), ("!!int '12'", 12), ("!!float 1", 1.0), ("!!float '1e2'", 100.0),
        ("!!bool 'true'", True), ("!!null ''", None), ("!!map {a: 1}", {"a": 1}), ("!!seq [1]", [1]),
        ("!!str", ""), ("!<tag:yaml.org,2002:int> '7'", 7), ("%TAG ! tag:yaml.org,2002:\n---\n!int '7'", 7),
    ],
)  # fmt: skip
def test_tags_of_the_core_schema_are_honoured(text: str, wanted: Any) -> None:
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize("text", ["!!int x", "!!int 1.5", "!!int true", "!!bool yes", "!!float 012", "!!null 0"])
def test_a_value_that_is_not_what_its_tag_says_is_told(text: str) -> None:
    refused(f"a: 1\nb: {text}\n", "yaml_tag", 2)


@pytest.mark.parametrize("text", ["!!str [1]", "!!seq x", "!!map [1]", "!!int {a: 1}"])
def test_a_tag_before_another_kind_of_value_is_told(text: str) -> None:
    refused(f"a: 1\nb: {text}\n", "yaml_tag", 2)


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.system ['touch marker']", "!!python/name:os.system x", "!vault x", "!!set {a}",
             "!!binary aGk=", "!!timestamp 2024-01-01", "!!omap [a: 1]"],
)  # fmt: skip
def test_a_tag_of_another_language_is_told_and_nothing_is_built(text: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "leave it out" in refused(f"a: 1\nb: {text}\n", "yaml_tag", 2)
    assert os.listdir() == []


# Keys


def test_keys_are_their_text() -> None:
    assert value("1: a\ntrue: b\nnull: c\n~: d\n1.0: e\n'x': f\n012: g\n") == {
        "1": "a", "true": "b", "null": "c", "~": "d", "1.0": "e", "x": "f", "012": "g",
    }  # fmt: skip


def test_a_key_twice_names_both_lines_and_every_one_is_told() -> None:
    found = problems("a: 1\nb:\n  x: 1\n  y: 2\n  'x': 3\na: 2\na: 3\n")
    assert [(problem.line, problem.reason) for problem in found] == [(n, "yaml_duplicate_key") for n in (5, 6, 7)]
    assert "line 3" in found[0].message
    assert "line 1" in found[1].message


def test_a_key_twice_in_one_line_is_told() -> None:
    refused("{a: 1, a: 2}", "yaml_duplicate_key", 1)


@pytest.mark.parametrize("key", ["[a, b]", "{a: 1}", "? [a]\n"])
def test_a_key_that_is_no_word_is_told(key: str) -> None:
    refused(f"x: 1\n{key}: 1\n", "yaml_key", 2)


def test_an_alias_may_be_a_key_if_it_is_a_text() -> None:
    assert value("a: &a word\n*a : 1\n") == {"a": "word", "word": 1}
    refused("a: &a [1]\n*a : 1\n", "yaml_key", 2)


# Aliases and merges


def test_an_alias_gives_the_value_of_its_anchor_and_the_last_anchor_of_a_name_counts() -> None:
    assert value("a: &x [1, 2]\nb: *x\nc: &x 3\nd: *x\n") == {"a": [1, 2], "b": [1, 2], "c": 3, "d": 3}


def test_merged_keys_come_first_and_explicit_ones_win() -> None:
    text = "base: &base {x: 1, y: 1}\nmore: &more {y: 2, z: 2}\nall:\n  y: 9\n  <<: [*base, *more]\n  w: 3\n"
    document = read_yaml(text.encode(), "a.yml")
    assert document.value["all"] == {"x": 1, "y": 9, "z": 2, "w": 3}
    assert {name: document.lines["all", name] for name in "xyzw"} == {"x": 5, "y": 4, "z": 5, "w": 6}
    assert value("a: &a {x: 1}\nb: {<<: *a, x: 2}\n")["b"] == {"x": 2}
    assert value("a: &a {x: 1}\nb: {<<: *a}\nc: {<<: {y: 1}}\n") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"y": 1}}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert value("a: {'<<': 1}") == {"a": {"<<": 1}}


def test_a_merge_of_a_merge_is_a_merge() -> None:
    assert value("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n")["c"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize("what", ["1", "[1]", "", "word", "[{a: 1}, 2]"])
def test_a_merge_of_something_else_is_told(what: str) -> None:
    assert "mapping" in refused(f"a: 1\nb:\n  <<: {what}\n", "yaml_merge", 3)


@pytest.mark.parametrize("text", ["b: &a [*a]", "b: &a {x: *a}", "b: &a [[{x: [*a]}]]", "b: &a {<<: *a}"])
def test_an_alias_inside_of_its_own_anchor_is_told(text: str) -> None:
    refused(f"a: 1\n{text}\n", "yaml_alias", 2)


def test_an_alias_of_nothing_is_told() -> None:
    assert "&nothing" in refused("a: 1\nb: *nothing\n", "yaml_alias", 2)


def test_a_few_aliases_of_a_large_part_are_fine_and_a_bomb_is_not() -> None:
    assert len(value("a: &a [" + "1, " * 900 + "1]\nb: [" + "*a, " * 9 + "*a]\n")["b"]) == 10
    refused("a: &a [" + "1, " * 900 + "1]\nb: [" + "*a, " * 40 + "*a]\n", "yaml_alias", 2)


def test_ten_times_the_file_may_be_aliases() -> None:
    text = "a: &a [" + "1, " * 29_999 + "1]\n"
    assert len(value(text + "".join(f"b{i}: *a\n" for i in range(9)))) == 10
    refused(text + "".join(f"b{i}: *a\n" for i in range(11)), "yaml_alias", 2)


def test_a_billion_laughs_are_stopped_at_once() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
    start = time.monotonic()
    refused(bomb, "yaml_too_large", 7)
    assert time.monotonic() - start < 2


def test_merging_many_times_into_a_large_mapping_takes_no_square_of_time() -> None:
    wide = "a: &a {" + ", ".join(f"k{i}: 1" for i in range(20_000)) + "}\nb: &b {y: 1}\n"
    start = time.monotonic()
    assert len(value(wide + "c:\n  <<: [*a" + ", *b" * 20_000 + "]\n")["c"]) == 20_001
    assert time.monotonic() - start < 5


# Limits


@pytest.mark.parametrize("levels", [63, 64])
def test_sixty_four_levels_are_read(levels: int) -> None:
    value("[" * levels + "]" * levels)


@pytest.mark.parametrize("text", ["[" * 65 + "]" * 65, "[" * 200, "{a: " * 100, "- " * 5000 + "a", "[" * 64 + "1]"])
def test_deeper_is_told(text: str) -> None:
    refused(text, "yaml_too_deep", 1)


def test_blocks_are_told_at_the_line_where_they_are_too_deep() -> None:
    refused("".join(" " * i + "k:\n" for i in range(1000)), "yaml_too_deep", 65)


def test_aliases_cannot_nest_deeper_than_brackets() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    refused(chain, "yaml_too_deep", 63)
    merges = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}}}\n" for i in range(1, 61))
    assert value(merges)["a60"] == {"x": 1}


_CRASHES = ["[", "{a: ", "- ", "? ", "[{a: ", "!!seq [", "&a [", "{[", "a:\n [", "[? "]
_IN_A_PROCESS = """
import sys
from seeknal.errors import ProjectError
from seeknal.project.yaml_reader import read_yaml
for opening in sys.argv[1:]:
    try:
        read_yaml(opening.encode() * 100_000, "a.yml")
    except ProjectError as error:
        print(error.problems[0].reason)
"""


@pytest.mark.timeout(60)
def test_a_hundred_thousand_brackets_do_not_crash_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS, *_CRASHES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    reasons = done.stdout.split()
    assert len(reasons) == len(_CRASHES)
    assert set(reasons) <= {"yaml_too_deep", "yaml_syntax", "yaml_key"}


def test_a_file_of_more_than_16_mib_is_told_and_one_of_16_is_read() -> None:
    refused(b"#" * ((16 << 20) + 1), "yaml_too_large", 1)
    assert value("#" * (16 << 20)) is None


@pytest.mark.timeout(60)
def test_more_than_a_million_values_are_told() -> None:
    refused("[" + "1," * 1_000_001 + "]", "yaml_too_large", 1)


@pytest.mark.parametrize(
    "text", ["1" * 4301, "-" + "1" * 4300, "0x" + "1" * 4301, "1e999", "-1e999", "!!float " + "1" * 400]
)
def test_a_number_that_nobody_means_is_told(text: str) -> None:
    assert "in quotes" in refused(f"a: 1\nb: {text}\n", "yaml_number", 2)


def test_a_long_number_is_read() -> None:
    assert value("1" * 4300) == int("1" * 4300)


def test_no_more_than_a_hundred_problems_are_told() -> None:
    assert len(problems("a: 1\n" * 5000)) == 100


# Bytes and characters


def test_utf_8_with_and_without_a_mark_is_read() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: caf\xc3\xa9\n", "a.yml").value == {"a": "café"}
    assert value("a: 日本語 😀\n") == {"a": "日本語 😀"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_told(encoding: str) -> None:
    assert "UTF-8" in refused("a: 1\nb: 2\n".encode(encoding), "yaml_encoding", 1)


def test_bytes_that_are_no_utf_8_are_told_with_their_line() -> None:
    assert "UTF-8" in refused(b"a: 1\nb: caf\xe9\n", "yaml_encoding", 2)


@pytest.mark.parametrize("code", [0, 1, 8, 0x0B, 0x1B, 0x7F, 0x85, 0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF])
def test_a_character_that_nobody_sees_is_told_with_its_line(code: int) -> None:
    assert f"U+{code:04X}" in refused(f"a: 1\nb: x{chr(code)}y\n", "yaml_encoding", 2)


def test_a_line_separator_begins_no_hidden_key() -> None:
    refused("name: safe\u2028transform: DROP\n", "yaml_encoding", 1)


def test_escapes_may_write_all_characters_but_nul() -> None:
    assert value(r'"\t\e\x85\u2028\U0001F600"') == "\t\x1b\x85\u2028\U0001f600"
    refused('a: 1\nb: "x\\0y"\n', "yaml_encoding", 2)
    refused('a: 1\n"x\\0y": 1\n', "yaml_encoding", 2)


# Files that are not YAML


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: b: c\n", 1, "quotes"),
        ("a:\n\tb: 1\n", 2, "tabs"),
        ("a: 1\nb: @x\n", 2, "quotes"),
        ("a: 1\nb: 'x\nc: 2\n", 4, "begun in line 2"),
        ("a: [1,\nb: 2\n", 3, "bracket"),
        ("a: 1\nb: ]\n", 2, "not YAML"),
        ("a:\n    b: 1\n  c: 2\n", 3, "indent"),
        ("- a\nb: 1\n", 2, "indent"),
        ('a: "\\q"\n', 1, "not YAML"),
        ("a: !<x\n", 1, "not YAML"),
        ("%YAML 3.0\n---\na: 1\n", 1, "not YAML"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line_and_what_to_do(text: str, line: int, word: str) -> None:
    assert word in refused(text, "yaml_syntax", line)


def test_a_second_document_is_told_where_one_is_wanted() -> None:
    refused("a: 1\n---\nb: 1\n", "yaml_documents", 2)
    assert value("---\na: 1\n...\n") == {"a": 1}


def test_several_documents_have_lines_and_anchors_of_their_own() -> None:
    first, second = read_documents(b"# notes\na: &x 1\n---\n---\n# empty above\nb:\n  c: 2\n---\n", "a.yml")
    assert first == Document({"a": 1}, {(): 2, ("a",): 2})
    assert second == Document({"b": {"c": 2}}, {(): 6, ("b",): 6, ("b", "c"): 7})
    with pytest.raises(ProjectError, match=r"a.yml:3: \*x is unknown"):
        read_documents(b"a: &x 1\n---\nb: *x\n", "a.yml")


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    found = problems("a: !x 1\nb: 1\nb: 2\nc: {<<: 1}\nd: 1e999\ne: *nothing\n")
    assert [(problem.line, problem.reason) for problem in found] == [
        (1, "yaml_tag"), (3, "yaml_duplicate_key"), (4, "yaml_merge"), (5, "yaml_number"), (6, "yaml_alias"),
    ]  # fmt: skip


def test_a_message_does_not_repeat_a_long_text() -> None:
    assert all(len(problem.message) < 300 for problem in problems("? " + "k" * 9000 + "\n: 1\n? " + "k" * 9000 + "\n"))


# Properties

_WORDS = st.sampled_from(
    [b"a: ", b"- ", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"<<: ", b"? ", b": ", b"!!int ", b"!x ", b"'", b'"', b"|\n",
     b"\n", b"  ", b"---\n", b"...\n", b"#", b"1", b"0x", b".inf", b"~", b"\\0", b"%TAG ! x\n", b"\xc2\x85", b"\0", b"@",
    ]
)  # fmt: skip
_BYTES = st.one_of(st.binary(max_size=200), st.lists(_WORDS, max_size=40).map(b"".join))


def _document_or_problems(data: bytes) -> None:
    told: tuple[Problem, ...] = ()
    document = Document(None, {(): 1})
    try:
        document = read_yaml(data, "a.yml")
    except ProjectError as error:
        told = error.problems or (Problem("", 0, "no problem", ""),)
    assert all(problem.line >= 1 and problem.reason.startswith("yaml_") for problem in told)
    assert all(line >= 1 for line in document.lines.values())
    assert () in document.lines
    json.dumps(document.value).encode()


@settings(max_examples=500, deadline=None)
@given(_BYTES)
@example(b"\xff\xfe")
@example(b"&a [ &a x, *a ]")
@example(b"? \n")
def test_any_bytes_give_a_document_or_problems_and_nothing_else(data: bytes) -> None:
    _document_or_problems(data)


@settings(max_examples=200, deadline=None)
@given(_BYTES)
@example(b'"\\ud800"')
@example(b'"\\UFFFFFFFF"')
def test_so_they_do_without_the_c_loader(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)
        _document_or_problems(data)


class _Quoted(yaml.SafeDumper):
    """Quotes every text, so that YAML 1.1 and 1.2 agree about it."""


_Quoted.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXTS, inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(_JSON, st.sampled_from([True, False, None]))
def test_what_is_dumped_as_yaml_reads_back_equal(data: Any, flow: bool | None) -> None:
    text = yaml.dump(data, Dumper=_Quoted, default_flow_style=flow, sort_keys=False)
    found = read_yaml(text.encode(), "a.yml").value
    assert found == data
    assert repr(found) == repr(data)  # 1, 1.0 and true are three things, and the order of keys is kept
