"""Who gets the pages of `pointsman ui`: the browser that opened the address first, from the pages themselves."""

from pathlib import Path

import pytest

from pointsman_cli.ui.browser_session import BrowserSession
from tests.support.aws import Aws
from tests.support.ui_window import ORIGIN, PORT, Window, put_task, stack_connection

SECRET_TEXT = "nobody else may read this"


@pytest.fixture
def window(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Window:
    put_task(aws, "t-1", SECRET_TEXT)
    return Window(stack_connection(aws, tmp_path, monkeypatch), opened=False)


@pytest.fixture
def opened(window: Window) -> Window:
    window.page(f"/open?secret={window.context.session.secret}")
    assert SECRET_TEXT in window.page("/tasks")
    return window


def test_nothing_is_shown_without_the_cookie(window: Window) -> None:
    for path in ("/", "/tasks", "/tasks/t-1", "/now", "/static/ui.css", "/nowhere"):
        response = window.get(path)
        assert response.status_code == 403
        assert SECRET_TEXT not in response.text
    assert window.get("/", cookie=f"pointsman-ui-{PORT}=guess").status_code == 403


def test_secret_is_exchanged_once_for_a_strict_cookie(window: Window) -> None:
    assert window.get("/open?secret=guess").status_code == 403
    assert window.get("/open").status_code == 403
    response = window.get(f"/open?secret={window.context.session.secret}")
    cookie = response.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert window.context.session.secret not in cookie
    window.page("/")
    assert window.get(f"/open?secret={window.context.session.secret}").status_code == 200, "back, in the same browser"
    window.browser.cookies.clear()
    assert window.get(f"/open?secret={window.context.session.secret}").status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost:8765", "evil.example", "127.0.0.1", "127.0.0.1:8766", "127.0.0.1.evil.example:8765", ""]
)
def test_rebound_host_gets_nothing(opened: Window, host: str) -> None:
    response = opened.get("/tasks", host=host)
    assert (response.status_code, SECRET_TEXT in response.text) == (403, False)
    assert opened.get(f"/open?secret={opened.context.session.secret}", host=host).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
    ],
)
def test_another_origin_gets_nothing(opened: Window, headers: dict[str, str]) -> None:
    response = opened.get("/tasks", **headers)
    assert (response.status_code, SECRET_TEXT in response.text) == (403, False)


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_address_bar_and_own_pages_are_let_in(opened: Window, site: str) -> None:
    assert opened.get("/tasks", **{"sec-fetch-site": site}).status_code == 200


def test_every_response_keeps_to_itself(opened: Window) -> None:
    for path in ("/", "/tasks/t-none", "/static/htmx.min.js", "/static/report.css", "/open"):
        headers = opened.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_no_page_has_a_script_or_style_of_its_own(opened: Window) -> None:
    for path in ("/", "/tasks", "/tasks/t-1", "/tasks/t-none"):
        page = opened.get(path).text
        assert page.count("<script") == page.count('<script src="/static/')
        assert " style=" not in page
        assert " onclick=" not in page
        assert "http" not in page.replace("http-equiv", "").replace("htmx", ""), "nothing is fetched from elsewhere"


def test_token_of_one_form_is_none_of_another() -> None:
    session = BrowserSession()
    session.exchange(session.secret)
    token = session.form_token("/tasks/t-1/cancel")
    assert session.is_token(token, "/tasks/t-1/cancel")
    assert not session.is_token(token, "/tasks/t-2/cancel")
    assert not session.is_token("", "/tasks/t-1/cancel")
    assert not BrowserSession().is_open("")
