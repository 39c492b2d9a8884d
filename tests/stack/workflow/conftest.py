import pytest

from tests.support.local_stack import Stack


@pytest.fixture(autouse=True)
def _reset(request: pytest.FixtureRequest) -> None:
    """Start each test with healthy models and no faults."""
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        stack.delete_model_health()
        stack.control("DELETE", "faults")
