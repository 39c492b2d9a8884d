"""What a text asks for, told from what was pasted with it."""

import time
from statistics import median

import pytest

from pointsman.routing.classifier.request import MATERIAL_CHARS, Request, find_request

LOG = "\n".join(f"2026-11-03T02:{n // 60:02}:{n % 60:02}Z ERROR worker-{n % 7}: pool exhausted" for n in range(200))
DIFF = "diff --git a/app.py b/app.py\nindex 3f2a91c..88d01be 100644\n--- a/app.py\n+++ b/app.py\n@@ -1,4 +1,5 @@\n"
DIFF += "".join(f" def handler_{n}(event):\n-    return {n}\n+    return {n + 1}\n\n" for n in range(120))
DOCUMENT = "# Operations handbook\n\n" + "\n\n".join(
    f"Section {n} describes how the service behaves when region {n} is lost. Traffic moves to the next region after "
    "the health checks have failed three times, and sessions are kept in the shared store." for n in range(60)
)  # fmt: skip


@pytest.mark.parametrize("pasted", [LOG, DIFF, DOCUMENT], ids=["log", "diff", "document"])
@pytest.mark.parametrize("between", ["\n\n", "\n"])
def test_a_request_is_found_before_and_after_a_long_paste(pasted: str, between: str) -> None:
    asked = "Why does the import lose sessions when it runs twice?"
    for text in (f"{asked}{between}{pasted}", f"{pasted}{between}{asked}"):
        assert find_request(text) == Request(asked, "", frozenset(), True)


def test_nothing_is_found_in_a_document_that_asks_nothing() -> None:
    request = find_request(DOCUMENT)
    assert not request.found
    assert "Section" in request.text


def test_both_ends_of_a_document_are_read_where_neither_is_short_enough_to_ask() -> None:
    parts = [f"Section {n} describes how the service behaves when region {n} is lost. " * 5 for n in range(30)]
    request = find_request("\n\n".join(parts))
    assert (request.found, request.ends) == (False, ())
    assert request.text == "\n\n".join((parts[0].strip(), parts[-1].strip()))


@pytest.mark.parametrize(
    ("text", "asked", "kinds"),
    [
        ("Fix this:\n```python\nraise ValueError(1)\n```\nplease", "Fix this:\n\nplease", {"code"}),
        ("fails since today\n2026-11-03 02:00:00 ERROR disk full", "fails since today", {"log"}),
        ("Login broken\n\n### Steps to reproduce\nlog in\n\n<!-- write here -->", "Login broken\n\nlog in", {"bug"}),
        ("Add a dark mode\n\n- [x] I have searched the issues", "Add a dark mode", {"agreement"}),
        ("> can you do it?\n\nYes, please rename it to Store", "Yes, please rename it to Store", {"quote"}),
        ("From: ann@example.com\n\nUpdate the README.\n\nKind regards\nAnn", "Update the README.", {"mail"}),
        ('{"event":"alert","title":"Disk full on db-1","labels":{"level":1}}', "Disk full on db-1\nalert", {"bot"}),
        ("- Node version: 22\n\nCrash on start", "Crash on start", {"versions"}),
        ("Traceback (most recent call last):\nValueError: no such column", "", {"trace"}),
    ],
)  # fmt: skip
def test_structure_is_told_from_words(text: str, asked: str, kinds: set[str]) -> None:
    request = find_request(text)
    assert request.text == asked
    assert request.kinds == kinds
    assert request.found


@pytest.mark.parametrize(
    "text",
    ["README.md", "src/lib/format.ts", "app/a.ts:12 app/b.ts", "https://example.com/x?y=1", "C:\\tmp\\log.txt\n"],
)
def test_nothing_is_asked_by_paths_and_addresses_alone(text: str) -> None:
    assert not find_request(text).found


@pytest.mark.parametrize("text", ["Read README.md", "/retest", "/label bug", "deploy", "1.83.0", "src/a.ts里加注释"])
def test_something_may_be_asked_beside_a_path(text: str) -> None:
    assert find_request(text).found


def test_sentences_that_look_like_code_or_diffs_are_words() -> None:
    for text in ("- remove the old flag from all hosts", "from now on use tabs instead of spaces", "[urgent] deploy"):
        assert find_request(text).text.endswith(text.lstrip("- "))


@pytest.mark.parametrize(("depth", "read"), [(3, True), (4, False)])
def test_a_bot_s_envelope_is_read_four_levels_deep(depth: int, read: bool) -> None:
    text = '{"a":' * depth + '{"title":"Disk full on db-1"}' + "}" * depth
    assert ("bot" in find_request(text).kinds) == read


def test_a_text_of_material_only_is_material() -> None:
    request = find_request(LOG)
    assert request.text == ""
    assert len(request.material) == MATERIAL_CHARS
    assert not request.found


def test_a_fence_that_is_cut_does_not_swallow_the_request() -> None:
    code = "\n".join(f"value_{n} = compute(value_{n - 1})" for n in range(400))
    assert find_request(f"```python\n{code}\n```\n\nPlease simplify this.").text == "Please simplify this."


@pytest.mark.parametrize(
    "text", ["", "\n\n", "```", "<!--", "{" * 3_000, "[" * 99_000, "- [ ] " * 5_000, "\0" * 20_000]
)
def test_anything_is_read(text: str) -> None:
    find_request(text)


def test_twenty_thousand_characters_are_read_in_time() -> None:
    times = []
    for pasted in (LOG * 3, DIFF * 3, DOCUMENT * 2) * 3:
        start = time.process_time()
        find_request(f"Explain this.\n\n{pasted}"[:20_000])
        times.append(time.process_time() - start)
    assert median(times) < 0.02  # about 0.7 ms on an idle machine; this guards the order of magnitude
