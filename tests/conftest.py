"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.project_on_disk import Project

# A shell has what it starts in the background ignore Ctrl-C, and our children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    made = Project(str(tmp_path / "shop"))
    made.write("seeknal_project.yml", "name: shop\n")
    return made


@pytest.fixture
def shop(project: Project) -> Project:
    """Orders and customers, cleaned, joined, summed by city; one feature group."""
    project.source(
        "orders",
        "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n",
        {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"},
    )
    project.source("customers", "customer,city\na,Paris\nb,Rome\n", {"customer": "VARCHAR", "city": "VARCHAR"})
    project.transform("clean", "SELECT * FROM ref('source.orders') WHERE amount > 0", ("source.orders",))
    project.transform(
        "joined",
        "SELECT o.*, c.city FROM ref('transform.clean') o JOIN ref('source.customers') c USING (customer)",
        ("transform.clean", "source.customers"),
    )
    project.transform(
        "by_city", "SELECT city, sum(amount) AS total FROM ref('transform.joined') GROUP BY city", ("transform.joined",)
    )
    return project


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEEKNAL_CACHE_DIR", raising=False)
    monkeypatch.setenv(
        "SEEKNAL_BASE_CONFIG_PATH", os.devnull
    )  # the profile of whoever runs the tests is none of theirs
