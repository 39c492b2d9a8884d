"""The guard in front of local servers: who is taken for a web page."""

from typing import Any

import pytest

from devstack.request_guard import why_refused

PAGE = "https://app.example.com"
URL = "/_aws/lambda-url/abc/v1/chat/completions"
PLACES = ("/2015-03-31/functions/", "/v1/messages", URL)
OF_A_PAGE = "requests of web pages are refused"


def refusal(path: str, *headers: tuple[str, str], named: tuple[str, ...] = (), host: str = "127.0.0.1:4566") -> Any:
    stated = [(name.encode(), value.encode()) for name, value in (("Host", host), *headers)]
    asked = list[str]()

    def origins_of(url_id: str) -> tuple[str, ...]:
        asked.append(url_id)
        return named

    why = why_refused({"path": path, "headers": stated}, origins_of=origins_of)
    assert set(asked) <= {"abc"}
    return why


@pytest.mark.parametrize("path", PLACES)
def test_request_of_node_s_fetch_is_a_program_s(path: str) -> None:
    assert refusal(path, ("sec-fetch-mode", "cors"), ("user-agent", "node")) is None


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    "marks",
    [
        # Browsers' own: a page's fetch, a form, an image, an address that somebody has typed or followed.
        [("Origin", PAGE), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
        [("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
        [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")],
        [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],  # by a name that resolves to the machine
        [("Origin", PAGE)],  # browsers from before Sec-Fetch
        [("ORIGIN", "")],
    ],
)
def test_request_of_a_browser_is_refused(path: str, marks: list[tuple[str, str]]) -> None:
    assert refusal(path, *marks) == OF_A_PAGE


def test_named_origin_may_call_the_function_url_and_nothing_else() -> None:
    asks = (("Origin", PAGE), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors"))
    assert refusal(URL, *asks, named=(PAGE,)) is None
    assert refusal(URL, *asks, named=(PAGE,), host="evil.example.com") == "the host is not this stack's"
    for path in ("/2015-03-31/functions/", "/v1/messages", "/_aws/lambda-urls/abc/"):
        assert refusal(path, *asks, named=(PAGE,)) == OF_A_PAGE
    for other in ("https://evil.example.com", "null", "", f"{PAGE}.evil.example", PAGE.upper(), f"{PAGE}:8443"):
        assert refusal(URL, ("Origin", other), ("Sec-Fetch-Site", "cross-site"), named=(PAGE,)) == OF_A_PAGE
    assert refusal(URL, ("Origin", PAGE), ("Origin", "https://evil.example.com"), named=(PAGE,)) == OF_A_PAGE
    assert refusal(URL, ("Sec-Fetch-Site", "cross-site"), named=(PAGE,)) == OF_A_PAGE
