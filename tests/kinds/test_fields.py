"""Every field of every kind: an edit of a functional one rebuilds the node, an edit of one for people rebuilds nothing.

The fields are read from the kinds' own `Spec`, so a new field without an edit below is a failure.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, NamedTuple

import pytest

from seeknal import kinds
from seeknal.project.schema import COMMON
from tests.project_on_disk import Project

Fields = dict[str, Any]


class Edit(NamedTuple):
    """One edit of a node: fields before and after, and what a run then builds (None: the node itself)."""

    before: Fields
    after: Fields
    built: set[str] | None = None


def also(**fields: Any) -> Edit:
    """Fields that are added and count."""
    return Edit({}, fields)


def noted(**fields: Any) -> Edit:
    """Fields that are added and do not count."""
    return Edit({}, fields, set())


def other(before: Fields, after: Fields) -> Edit:
    """Fields that are replaced and count."""
    return Edit(before, after)


INPUT = {"inputs": [{"ref": "source.orders"}]}
TRAINING = {"algorithm": "linear_regression", "label_source": "source.orders", "label_column": "amount"}
BASE: dict[str, Fields] = {
    "source": {"source": "csv", "table": "data/orders.csv"},
    "transform": {
        **INPUT,
        "transform": "SELECT id, amount * {{ n }} AS v FROM ref('source.orders')",
        "params": {"n": 1},
    },
    "feature_group": {
        **INPUT,
        "entity": {"name": "buyer", "join_keys": ["customer"]},
        "transform": "SELECT * FROM source",
    },
    "aggregation": {
        **INPUT,
        "id_col": "customer",
        "feature_date_col": "day",
        "application_date_col": "as_of",
        "features": [{"name": "amount", "basic": ["sum"]}],
    },
    "second_order_aggregation": {
        **INPUT,
        "id_col": "customer",
        "feature_date_col": "day",
        "application_date_col": "as_of",
        "features": {"amount": {"basic": ["sum"]}},
    },
    "profile": {**INPUT, "profile": {"columns": ["amount"]}},
    "rule": {**INPUT, "rule": {"type": "range", "column": "amount", "params": {"min_val": 0}}},
    "model": {**INPUT, "output_columns": ["guess"], "training": {**TRAINING}},
    "exposure": {"depends_on": [{"ref": "source.orders"}], "type": "file", "params": {"path": "out.csv"}},
    "semantic_model": {
        "model": "ref('source.orders')",
        "default_time_dimension": "day",
        "entities": [{"name": "customer", "type": "foreign"}],
        "dimensions": [{"name": "day", "type": "time"}, {"name": "as_of", "type": "time"}, {"name": "city"}],
        "measures": [{"name": "amount"}],
    },
    "metric": {"type": "simple", "measure": "revenue"},
}
# What a node of the kind is about, besides the two tables.
BESIDE: dict[str, Fields] = {
    "semantic_model": {
        "kind": "semantic_model",
        "name": "others",
        "model": "ref('source.other')",
        "dimensions": [{"name": "size", "expr": "amount // 10"}],
    },
    "metric": {
        "kind": "semantic_model",
        "name": "sales",
        "model": "ref('source.orders')",
        "default_time_dimension": "day",
        "dimensions": [{"name": "day", "type": "time"}, {"name": "city"}],
        "measures": [{"name": "revenue", "expr": "amount"}, {"name": "orders", "agg": "count"}],
    },
}
JOINED = [{"name": "others", "relationship": "many_to_one", "sql": "{CUBE}.customer = {others}.customer"}]
OWN = [{"name": "total", "type": "simple", "measure": "amount"}]
RATIO: Fields = {"type": "ratio", "measure": None, "numerator": "revenue", "denominator": "orders"}
RUNNING: Fields = {"type": "cumulative", "grain_to_date": "month"}
DERIVED: Fields = {"type": "derived", "measure": None, "expr": "r / 2", "inputs": [{"metric": "revenue", "alias": "r"}]}
ROLLING = [{"name": "amount", "rolling": [{"window": [7], "aggs": ["sum"]}]}]
EDITS: dict[str, dict[str, list[Edit]]] = {
    "source": {
        "source": [other({}, {"source": "json", "table": "data/more.json"})],
        "table": [other({}, {"table": "data/more.csv"})],
        "params": [also(params={"delimiter": "|"}), also(params={"skip": 1, "header": False})],
        "columns": [
            also(columns={"id": "DOUBLE"}),
            noted(columns={"id": "the key"}),
            other({"columns": {"id": {"dtype": "BIGINT"}}}, {"columns": {"id": {"dtype": "DECIMAL(9,2)"}}}),
        ],
        "schema": [also(schema=[{"name": "id", "type": "DOUBLE"}])],
        "freshness": [Edit({}, {"freshness": {"time_column": "day", "warn_after": "9000d"}}, {"audit.source_x"})],
        "ingest": [noted(ingest="copy")],
    },
    "transform": {
        "transform": [
            other({}, {"transform": "SELECT id, amount * {{ n }} + 1 AS v FROM ref('source.orders')"}),
            Edit({}, {"transform": "select id, amount*{{n}} as v -- the same\n FROM source.orders"}, set()),
        ],
        "params": [other({}, {"params": {"n": 2}}), Edit({}, {"params": {"n": 1, "unused": 5}}, set())],
        "engine": [also(engine="polars")],
    },
    "feature_group": {
        "entity": [Edit({}, {"entity": {"name": "buyer", "join_keys": ["id"]}}, {"entity.buyer"})],
        "transform": [other({}, {"transform": "SELECT customer, amount FROM source"})],
        "features": [noted(features={"amount": {"description": "euros"}})],
        "materialization": [also(materialization={"event_time_col": "day"}), noted(materialization={"offline": True})],
        "materializations": [noted(materializations=[])],
        "dedupe": [also(dedupe="first")],
        "engine": [noted(engine="duckdb")],
        "params": [noted(params={"unused": 1}), also(params={"n": 3}, transform="SELECT *, {{ n }} AS n FROM source")],
        "source": [noted(source="data/orders.csv")],
        "mode": [noted(mode="append")],
        "feature_start_time": [noted(feature_start_time="2024-01-01")],
        "feature_end_time": [noted(feature_end_time="2024-01-01")],
    },
    "aggregation": {
        "id_col": [other({}, {"id_col": "city"})],
        "feature_date_col": [other({"features": ROLLING}, {"features": ROLLING, "feature_date_col": "as_of"})],
        "application_date_col": [other({}, {"application_date_col": "day"})],
        "group_by": [also(group_by=["city"])],
        "source": [also(source="source.other")],
        "features": [
            other({}, {"features": [{"name": "amount", "basic": ["sum", "max"]}]}),
            other({}, {"features": ROLLING}),
            other(
                {"features": [{"name": "amount", "since": [{"condition": "amount > 1", "aggs": ["count"]}]}]},
                {"features": [{"name": "amount", "since": [{"condition": "amount > 2", "aggs": ["count"]}]}]},
            ),
            other(
                {"features": [{"name": "amount", "ratio": [{"numerator": [1], "denominator": [2], "aggs": ["sum"]}]}]},
                {"features": [{"name": "amount", "ratio": [{"numerator": [1], "denominator": [3], "aggs": ["sum"]}]}]},
            ),
        ],
    },
    "second_order_aggregation": {
        "id_col": [other({}, {"id_col": "city"})],
        "feature_date_col": [other({}, {"feature_date_col": "as_of"})],
        "application_date_col": [other({}, {"application_date_col": "day"})],
        "source": [also(source="source.other")],
        "features": [
            other({}, {"features": {"amount": {"basic": ["mean"]}}}),
            other({}, {"features": {"amount": {"basic": ["sum"], "window": [1, 7]}}}),
            other({}, {"features": {"total": {"basic": ["sum"], "source_feature": "id"}}}),
        ],
    },
    "profile": {
        "profile": [
            other({}, {"profile": {"columns": ["id"]}}),
            other({}, {"profile": {}}),
            other(
                {"profile": {"columns": ["city"]}}, {"profile": {"columns": ["city"], "params": {"max_top_values": 1}}}
            ),
        ]
    },
    "rule": {
        "rule": [
            other({}, {"rule": {"type": "range", "column": "amount", "params": {"min_val": 1}}}),
            other({}, {"rule": {"type": "range", "column": "id", "params": {"min_val": 0}}}),
            other({}, {"rule": "amount >= 0"}),
        ],
        "params": [also(params={"severity": "warn"}), also(params={"error_message": "odd"})],
    },
    "model": {
        "inputs": [other({}, {"inputs": [{"ref": "source.other"}]})],
        "depends_on": [
            other(
                {"inputs": None, "depends_on": [{"ref": "source.orders"}]},
                {"inputs": None, "depends_on": [{"ref": "source.other"}]},
            )
        ],
        "aggregation": [noted(aggregation="none")],
        "transform": [noted(transform="none")],
        "output_columns": [other({}, {"output_columns": ["better"]})],
        "training": [
            other({}, {"training": {**TRAINING, "algorithm": "svm_regressor"}}),
            Edit({}, {"training": {**TRAINING, "algorithm": "LinearRegression"}}, set()),
            other({}, {"training": {**TRAINING, "label_column": "id"}}),
            other({}, {"training": {**TRAINING, "params": {"fit_intercept": False}}}),
            other({}, {"training": {**TRAINING, "test_size": 0.5}}),
        ],
    },
    "exposure": {
        "type": [other({}, {"type": "report", "params": {}})],
        "url": [other({"params": {}, "url": "a.csv"}, {"params": {}, "url": "b.csv"})],
        "path": [other({"params": {}, "path": "a.csv"}, {"params": {}, "path": "b.csv"})],
        "format": [also(format="jsonl")],
        "depends_on": [other({}, {"depends_on": [{"ref": "source.other"}]})],
        "params": [
            other({}, {"params": {"path": "out.csv", "delimiter": ";"}}),
            other({}, {"params": {"path": "out.csv", "header": False}}),
            other({}, {"params": {"path": "out.csv", "compression": "gzip"}}),
            other({}, {"params": {"path": "two.csv"}}),
        ],
    },
    "semantic_model": {
        "model": [
            other({}, {"model": "ref('source.other')"}),
            Edit({}, {"model": "source.orders"}, set()),
        ],
        "default_time_dimension": [other({}, {"default_time_dimension": "as_of"})],
        "entities": [
            other({}, {"entities": [{"name": "customer", "type": "unique"}]}),
            other({}, {"entities": [{"name": "customer", "type": "foreign", "expr": "upper(customer)"}]}),
        ],
        "dimensions": [
            other({"default_time_dimension": None}, {"default_time_dimension": None, "dimensions": [{"name": "id"}]}),
            other(
                {"default_time_dimension": None, "dimensions": [{"name": "id", "expr": "id + 1"}]},
                {"default_time_dimension": None, "dimensions": [{"name": "id", "expr": "id + 2"}]},
            ),
            Edit(
                {"default_time_dimension": None, "dimensions": [{"name": "id"}]},
                {"default_time_dimension": None, "dimensions": [{"name": "id", "description": "the key"}]},
                set(),
            ),
        ],
        "measures": [
            other({}, {"measures": [{"name": "amount", "agg": "max"}]}),
            other({}, {"measures": [{"name": "amount", "expr": "amount + 1"}]}),
            other({}, {"measures": [{"name": "amount", "filters": ["city = 'Rome'"]}]}),
            other({}, {"measures": [{"name": "amount", "aliases": ["turnover"]}]}),
            noted(measures=[{"name": "amount", "description": "euros"}]),
        ],
        "joins": [
            also(joins=JOINED),
            other({"joins": JOINED}, {"joins": [{**JOINED[0], "relationship": "one_to_one"}]}),
        ],
        "metrics": [
            also(metrics=OWN),
            other({"metrics": OWN}, {"metrics": [{**OWN[0], "filter": "city = 'Rome'"}]}),
            Edit({"metrics": OWN}, {"metrics": [{**OWN[0], "description": "euros"}]}, set()),
        ],
    },
    "metric": {
        "type": [other({}, {"type": "cumulative"})],
        "measure": [other({}, {"measure": "orders"})],
        "filter": [also(filter="city = 'Rome'"), other({"filter": "city = 'Rome'"}, {"filter": "city = 'Bonn'"})],
        "numerator": [other(RATIO, {**RATIO, "numerator": "sales.revenue"})],
        "denominator": [other(RATIO, {**RATIO, "denominator": "revenue"})],
        "grain_to_date": [other(RUNNING, {**RUNNING, "grain_to_date": "year"})],
        "expr": [other(DERIVED, {**DERIVED, "expr": "r / 3"})],
        "inputs": [
            other(DERIVED, {**DERIVED, "inputs": [{"metric": "orders", "alias": "r"}]}),
            other(DERIVED, {**DERIVED, "inputs": [{"metric": "revenue", "alias": "r", "offset": "1 month"}]}),
        ],
        "aliases": [also(aliases=["turnover"])],
        "description": [noted(description="euros")],
    },
}
# What any kind may say.
ANY: dict[str, list[Edit]] = {
    "description": [noted(description="what it is")],
    "owner": [noted(owner="ann")],
    "tags": [noted(tags=["a", "b"])],
    "output": [noted(output="somewhere")],
    "schedule": [noted(schedule="@daily")],
}
# Fields that need a server: tests/connections tells their stories.
FAR = {"source": {"connection", "query", "probe"}}
# Said of any kind by one kind here, in its own words.
DATED = {"transform": "SELECT id, day FROM ref('source.orders')", "params": {}}
YEARLY = {"unit": "year", "column": "day", "start": "2023-01-01"}
SHARED = {
    "interval": (
        "transform",
        [
            other(DATED, {"interval": YEARLY}),
            other({**DATED, "interval": YEARLY}, {"interval": {**YEARLY, "unit": "month"}}),
            other({**DATED, "interval": YEARLY}, {"interval": {**YEARLY, "start": "2022-01-01"}}),
            other({**DATED, "interval": YEARLY}, {"interval": {**YEARLY, "open": True}}),
            # How far an interval reaches is no matter where the input has no intervals.
            Edit({**DATED, "interval": YEARLY}, {"interval": {**YEARLY, "lookback": 1}}, set()),
        ],
    ),
    "columns": ("source", EDITS["source"]["columns"]),
    "schema": ("source", EDITS["source"]["schema"]),
    "params": ("transform", EDITS["transform"]["params"]),
    "freshness": ("source", EDITS["source"]["freshness"]),
    "materialization": ("feature_group", EDITS["feature_group"]["materialization"]),
    "materializations": ("transform", [noted(materializations=[])]),
    "audits": ("transform", [Edit({}, {"audits": [{"type": "unique", "columns": ["id"]}]}, {"audit.transform_x"})]),
    "tests": ("transform", [Edit({}, {"tests": [{"unique": ["id"]}]}, {"audit.transform_x"})]),
    "inputs": ("rule", [other({}, {"inputs": [{"ref": "source.other"}]})]),
    "depends_on": ("exposure", EDITS["exposure"]["depends_on"]),
}
CASES = [
    *((kind, field, edit) for kind, fields in EDITS.items() for field, edits in fields.items() for edit in edits),
    *((kind, field, edit) for kind in BASE if kind != "model" for field, edits in ANY.items() for edit in edits),
    *((kind, field, edit) for field, (kind, edits) in SHARED.items() for edit in edits),
]


@pytest.fixture
def small(project: Project) -> Project:
    """Two tables alike, with a key, texts, numbers and dates."""
    rows = "id,customer,city,amount,day,as_of\n1,a,Rome,10,2024-01-01,2024-01-08\n2,b,Bonn,20,2024-01-02,2024-01-08\n"
    types = {
        "id": "BIGINT",
        "customer": "VARCHAR",
        "city": "VARCHAR",
        "amount": "BIGINT",
        "day": "DATE",
        "as_of": "DATE",
    }
    project.source("orders", rows, types)
    project.source("other", rows.replace("10", "11"), types)
    project.write("data/more.csv", "id;x,day\n1;2,2024-01-01\n3;4,2024-01-02\n")
    project.write("data/more.json", '[{"id": 1}]')
    return project


def write(project: Project, kind: str, fields: Fields) -> None:
    document = {"kind": kind, "name": "x", **BASE[kind], **fields}
    project.write("seeknal/x.yml", json.dumps(document, indent=1))
    if kind in BESIDE:
        project.write("seeknal/beside.yml", json.dumps(BESIDE[kind], indent=1))


@pytest.mark.parametrize(("kind", "field", "edit"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_an_edit_rebuilds_what_it_can_change_and_nothing_else(
    small: Project, kind: str, field: str, edit: Edit
) -> None:
    """W3: features of a second-order aggregation, profile columns, exposure paths, audits, ... are not in the hash."""
    write(small, kind, edit.before)
    assert small.run().built
    write(small, kind, {**edit.before, **edit.after})
    built = small.run().built
    assert field in edit.after or edit.before
    if edit.built is None:
        assert f"{kind}.x" in built
    else:
        assert built == edit.built
    assert small.run().built == set()


@pytest.mark.parametrize("kind", kinds.written())
def test_every_field_of_a_kind_has_an_edit(kind: str) -> None:
    fields = {field.name for field in dataclasses.fields(kinds.get(kind).Spec)}
    assert fields - EDITS[kind].keys() - FAR.get(kind, set()) == set()


def test_every_field_that_any_kind_may_have_has_an_edit() -> None:
    told = {"kind", "name"}  # who the node is
    assert set(COMMON) - ANY.keys() - SHARED.keys() == told
