"""The functions' AWS clients: every service that they call has one, like botocore's own."""

import inspect
import re

import pytest
from botocore.session import get_session

from pointsman.entrypoints import stores
from pointsman.entrypoints.stores import SERVICES, BotocoreSession


@pytest.mark.parametrize("service", SERVICES)
def test_clients_are_those_that_botocore_makes_itself(service: str) -> None:
    ours = BotocoreSession()._session.create_client(service, region_name="us-east-1")
    its = get_session().create_client(service, region_name="us-east-1")
    assert ours.meta.service_model.api_version == its.meta.service_model.api_version
    assert ours.meta.endpoint_url == its.meta.endpoint_url


def test_no_other_service_is_called() -> None:
    assert set(re.findall(r'\.client\("(\w+)"\)', inspect.getsource(stores))) == set(SERVICES)
