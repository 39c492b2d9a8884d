"""`pointsman ui` on the deployed local stack, by its forms: from the prompt to the answer and its cost, and repairs."""

import json
import re
from pathlib import Path

import pytest

from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType
from pointsman_cli import output, stacks
from tests.support.local_stack import Stack, eventually
from tests.support.ui_window import Window

pytestmark = pytest.mark.stack


@pytest.fixture
def window(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Window:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stack.delete_model_health()
    return Window(stacks.connect_to_local(stack.info))


def submit(window: Window, **fields: str) -> str:
    """Fill in the form on the page Submit, and return the id of the task to whose page it leads."""
    response = window.send_form("/submit", "/submit", **fields)
    assert response.status_code == 303, response.text
    return response.headers["location"].removeprefix("/tasks/")


def ended_page(window: Window, task_id: str) -> str:
    """Return the task's page once it no longer looks again by itself."""
    assert window.page(f"/tasks/{task_id}")
    page = eventually(
        lambda: part if "hx-get" not in (part := window.page(f"/tasks/{task_id}/part")) else None, f"{task_id} to end"
    )
    return page + window.page(f"/tasks/{task_id}")


def test_from_the_prompt_to_the_answer_and_its_cost(stack: Stack, window: Window) -> None:
    token = window.context.session.form_token("/submit/estimate")
    fields = {"prompt": "Write a function that turns signals.", "type": "code_generation", "ticket": "UI-1"}
    assert "claude-haiku-5-5" in window.post("/submit/estimate", {"token": token, **fields}).text
    task_id = submit(window, **fields)
    page, record = ended_page(window, task_id), stack.ended(task_id)
    assert record.cost_nano > 0
    for words in ("On “Write a function that turns signals.”", "claude-haiku-5-5", "UI-1", "its sender"):
        assert words in page, words
    assert output.short_dollars(record.cost_nano) in page
    for path in ("/", "/tasks?ticket=UI-1", f"/tasks?search={task_id}"):
        assert f'href="/tasks/{task_id}"' in window.page(path), path
    (day,) = re.findall(r'href="(/days/[^"]+/report.html)"', window.page("/days/"))[:1]
    assert "UI-1" in window.page(day), "the day so far has the task's ticket"


def test_task_is_cancelled_corrected_and_run_anew(stack: Stack, window: Window) -> None:
    stack.fault("anthropic", {"rate_limit": {"retry_after": 60}}, contains="siding", times=1)
    resting = submit(window, prompt="Write a siding.", type="code_generation")
    eventually(lambda: "Waits for" in window.page(f"/tasks/{resting}") or None, "the page to say that it waits")
    assert "rate limit" in window.page(f"/tasks/{resting}")
    response = window.send_form(f"/tasks/{resting}/cancel", f"/tasks/{resting}/cancel")
    assert response.headers["location"] == f"/tasks/{resting}?did=cancelled"
    assert stack.ended(resting).status is Status.CANCELLED
    done = submit(window, prompt="Describe the siding.", type="status")
    ended_page(window, done)
    corrected = window.send_form(f"/tasks/{done}/correct", f"/tasks/{done}/correct", type="documentation")
    assert "did=corrected" in corrected.headers["location"]
    assert "Corrected to" in window.page(f"/tasks/{done}")
    again = window.send_form(f"/tasks/{done}/rerun", f"/tasks/{done}/rerun", tier="reasoning").headers["location"]
    new_id = again.removeprefix("/tasks/").removesuffix("?did=rerun")
    assert "claude-sonnet-5-5" in ended_page(window, new_id)
    assert f'href="/tasks/{done}"' in window.page(f"/tasks/{new_id}")


def test_dead_letter_is_corrected_and_answered(stack: Stack, window: Window) -> None:
    task_id = f"ui-{submit(window, prompt='First of all.', type='status')[:8]}"
    stack.send_raw(json.dumps({"task_id": task_id, "text": "Which points are set?"}))
    path = f"/dead-letters/{task_id}"
    eventually(lambda: window.get(path).status_code == 200 or None, "the dead letter")
    assert "would be rejected again" in window.page("/dead-letters")
    body = json.dumps({"task_id": task_id, "prompt": "Which points are set?", "type": str(TaskType.STATUS)})
    assert window.send_form(path, path, body=body).status_code == 303
    assert "On “Which points are set?”" in ended_page(window, task_id)
    assert stack.ended(task_id).status is Status.COMPLETED


def test_configuration_is_what_the_stack_runs(window: Window) -> None:
    page = window.page("/configuration")
    assert "The stack runs the file here" in page
    assert "gemini-3.5-flash-lite" in page
