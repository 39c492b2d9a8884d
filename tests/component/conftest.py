"""Fixtures: AWS as moto plays it, with the template's stores, and the whole product on it."""

from collections.abc import Iterator

import pytest

from pointsman.adapters.task_table import TaskTable
from tests.support.aws import Aws, MotoLedger, empty_account
from tests.support.fake_providers import FakeProviders
from tests.support.figures import figures as figures
from tests.support.product import Product


@pytest.fixture
def aws() -> Iterator[Aws]:
    with empty_account() as account:
        yield account


@pytest.fixture(scope="module")
def shared_product(provider_process: FakeProviders) -> Iterator[Product]:
    with empty_account() as account, pytest.MonkeyPatch.context() as patch:
        for key in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
            patch.setenv(key, "a-key")
        product = Product(account, provider_process)
        yield product
        product.assert_books_agree()


@pytest.fixture
def product(shared_product: Product) -> Product:
    """The product that knows nothing of its models yet; one for all tests of a module, whose books agree at its end."""
    shared_product.reset()
    return shared_product


@pytest.fixture
def ledger(aws: Aws) -> MotoLedger:
    return MotoLedger(aws.dynamodb(), aws.tables)


@pytest.fixture
def task_table(aws: Aws) -> TaskTable:
    return TaskTable(aws.dynamodb(), aws.tables)
