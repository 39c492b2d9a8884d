import pytest

from tests.support.local_stack import Stack


@pytest.fixture(autouse=True)
def _untaught(request: pytest.FixtureRequest) -> None:
    """Begin each test with guards that know nothing and a stand-in without faults."""
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        stack.forget_limits()
        stack.control("DELETE", "faults")
