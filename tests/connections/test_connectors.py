"""What all source types of a connection have in common, as far as it can be seen without one."""

from __future__ import annotations

import pytest

from seeknal import connectors
from seeknal.kinds import source


@pytest.mark.parametrize("name", connectors.connected())
def test_a_secret_of_a_connection_is_one_wherever_it_stands(name: str) -> None:
    connector = connectors.get(name)
    assert set(connector.SECRET) <= set(source.SECRET)
    assert set(connector.SECRET) <= set(connector.CONNECTION)
