"""A first run, and the run after it."""

from __future__ import annotations

from tests.project_on_disk import Project


def test_a_first_run_builds_everything_and_the_second_nothing(shop: Project) -> None:
    first = shop.run()
    assert first.built == {
        "source.orders",
        "source.customers",
        "transform.clean",
        "transform.joined",
        "transform.by_city",
    }
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    assert shop.run().built == set()
