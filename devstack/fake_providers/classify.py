"""Guesses a message's task type by keywords; on purpose simpler than the product's rules."""

import re

# From the most expensive kind of work on: the first match wins.
_KEYWORDS: tuple[tuple[str, str], ...] = (
    ("security_analysis", r"secur\w*|vulnerab\w*|threat model\w*|exploit\w*|pen-?test\w*|cve"),
    ("design_review", r"(design|architecture) review|review (\w+ ){0,3}(design|architecture|proposal|rfc)"),
    ("complex_debugging", r"race condition|deadlock|memory leak|heisenbug|intermittent\w*|root cause|debug\w*"),
    ("architecture", r"architect\w*|system design|event[- ]sourc\w*|multi-region|migration strategy"),
    ("test_coordination", r"(which|what) (tests?|suites?)|triage|flaky|test results|failing suites?|rerun"),
    ("test_writing", r"(unit|integration|regression) tests?|write (\w+ ){0,3}tests?|pytest|test cases?"),
    ("api_endpoint", r"endpoints?|rest api|(get|post|put|delete) /|api route|openapi"),
    ("documentation", r"document\w*|readme|docstrings?|changelog|user guide|api reference"),
    ("planning", r"plan\w*|roadmap|milestones?|next sprint|break (\w+ ){0,3}down"),
    ("status", r"status|progress|health|is (\w+ ){1,4}(up|running|done)|how far"),
    ("decision", r"decide|should (we|i)|choose|yes or no|go or no-go|pick (one|between)"),
    ("orchestration", r"route|schedule|dispatch|assign|split|delegate|hand (\w+ ){0,2}to|queue"),
    ("code_generation", r"implement\w*|code|function|class|script|refactor\w*|write|add|fix"),
)
_PATTERNS = tuple((name, re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE)) for name, words in _KEYWORDS)
_TIER_OF = {
    "security_analysis": "reasoning",
    "design_review": "reasoning",
    "complex_debugging": "reasoning",
    "architecture": "reasoning",
    "test_writing": "implementation",
    "api_endpoint": "implementation",
    "documentation": "implementation",
    "code_generation": "implementation",
}
_UNSURE = "code_generation"

_FENCED = re.compile(
    r"<(?P<tag>[A-Za-z][\w.-]*)\b[^<>]*?\bid=[\"'](?P<id>[^\"'<>]+)[\"'][^<>]*>(?P<text>.*?)</(?P=tag)>", re.DOTALL
)
_LABELLED = re.compile(r"\bid\"?\s*[:=]\s*[\"']?(?P<id>[\w-]{1,80})", re.IGNORECASE)


def fenced_messages(prompt: str) -> list[tuple[str, str]]:
    """Return the messages of a classification prompt as (id, text), in order, each id once.

    A message is an element with an id attribute and the tag of the first such element, so that a message cannot forge
    another one by quoting an element. Without elements, each message begins after an `id: x` (or `"id": "x"`).
    """
    elements = list(_FENCED.finditer(prompt))
    if elements:
        tag = elements[0]["tag"]
        messages = [(element["id"], element["text"].strip()) for element in elements if element["tag"] == tag]
    else:
        labels = list(_LABELLED.finditer(prompt))
        ends = [label.start() for label in labels[1:]] + [len(prompt)]
        messages = [(label["id"], prompt[label.end() : end].strip()) for label, end in zip(labels, ends, strict=True)]
    return list({message_id: (message_id, text) for message_id, text in reversed(messages)}.values())[::-1]


def guess_task_type(text: str) -> tuple[str, bool]:
    """Return the task type of a message, and whether a keyword decided it."""
    for name, pattern in _PATTERNS:
        if pattern.search(text):
            return name, True
    return _UNSURE, False


def tier_of(task_type: str) -> str:
    """Return the tier of a task type."""
    return _TIER_OF.get(task_type, "orchestration")
