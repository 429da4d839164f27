"""A page holds any text whatever harmlessly, and allows nothing but the scripts and styles that are in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.errors import safe
from seeknal.pictures.page import embedded, page
from tests.pictures.reading import data_of

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&amp;<img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07",
    "invoice\u202egnp.exe",
    "line\u2028para\u2029",
    "{{script}}{{data}}",
    "\x00\x7f\ufeff",
    "'; drop table x; --",
    "\\u003c/script>",
)


def test_hostile_texts_come_out_visible_and_do_no_harm() -> None:
    text = page("<b>{{data}}</b>\u202e", "timings", {"texts": HOSTILE, "{{style}}\u202e": "x"})
    assert data_of(text) == {"texts": [safe(one) for one in HOSTILE], "{{style}}\\u202e": "x"}
    assert text.count("</script>") == 2
    assert "<title>&lt;b&gt;{{data}}&lt;/b&gt;\\u202e</title>" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]", text)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.floats() | st.lists(st.text() | st.floats()))
)
def test_no_data_leaves_its_element(value: object) -> None:
    text = embedded(value)
    assert not set(text) & set("<>&\u2028\u2029\u202e")
    json.loads(text)


def test_the_policy_names_exactly_the_style_and_the_script_of_the_page() -> None:
    text = page("x", "lineage", {})
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    sums = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script)]
    assert policy == f"default-src 'none'; img-src data:; style-src 'sha256-{sums[0]}'; script-src 'sha256-{sums[1]}'"


def test_a_page_names_no_other_place_and_its_scripts_make_no_html_of_texts() -> None:
    for view in ("lineage", "timings"):
        text = page("x", view, {})
        assert set(re.findall(r"(?:https?:)?//[a-z][^\s\"'<)]*", text)) <= {"http://www.w3.org/2000/svg"}
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "fetch(",
            "XMLHttp",
            "import(",
        ):
            assert word not in text
