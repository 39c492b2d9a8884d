"""What holds for every command."""

import pytest

from tests.support.schemas import check_printed


@pytest.fixture(autouse=True)
def _documents_keep_their_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    check_printed(monkeypatch)
