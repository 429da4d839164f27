"""Trains a model on a table and asks it about every row; runs in a worker.

Decides how a table becomes numbers (booleans are 0 and 1, gaps the column's mean), which rows are learnt from (those with a
label, less those held out for the test), and what the model's file says. scikit-learn does the work, and is imported when
there is some. The same rows give the same model: one thread, a fixed seed, nothing of the clock.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from seeknal.model.lowering import quoted
from seeknal.worker.failures import FAILED, WRONG, ToldError
from seeknal.worker.results import Attached

MODULE, FUNCTION, PARAMETER = __name__, "train", "training"


def train(ctx: Any) -> Attached:
    """The rows of the input with the outputs of a model fitted to them; the model is attached."""
    told = ctx.params[PARAMETER]
    rows = _labelled(ctx, told)
    x, y, known = _numbers(rows, told)
    with _one_thread(), _quiet():
        learnt, tested = _split(known, told)
        model, classes = _fitted(told, x[learnt], y[learnt])
        score = float(model.score(x[tested], _codes(y[tested], classes)))
        outputs = _outputs(model, x, classes, told)
    kind = "classification" if told["classifies"] else "regression"
    where = "held-out" if told["test_size"] else "training"
    _say(told, score, f"{len(tested)} {where} rows")
    facts = {name: told[name] for name in ("algorithm", "params", "features", "test_size", "outputs")}
    facts |= {"model_type": kind, "node_id": told["node"], "node_name": told["name"], "label_column": told["label"]}
    facts["classes"] = (classes or model.classes_.tolist()) if told["classifies"] else None
    facts |= {"score": score, "score_on": where, "rows_trained": len(learnt)}
    return Attached(_with_outputs(ctx, told, outputs), {"model": _pickled({"model": model, **facts})})


def _say(told: Mapping[str, Any], score: float, on: str) -> None:
    word = "accuracy" if told["classifies"] else "R²"
    print(f"{word} {score:.4g} on {on}")
    if told["ignored"]:
        print(f"not learnt from: {', '.join(told['ignored'])}")


def _labelled(ctx: Any, told: Mapping[str, Any]) -> Any:
    """The rows of the input in their order, with their label as `seeknal_label`."""
    own, label = ctx.ref(told["inputs"][0]), quoted(told["label"])
    if not told["on"]:
        return own.project(f"*, {label} AS seeknal_label")
    labels, on = ctx.ref(told["inputs"][1]), [quoted(name) for name in told["on"]]
    _unique(labels, told)
    labels.create_view("seeknal_labels")
    match = " AND ".join(f"own.{name} = labels.{name}" for name in on)
    numbered = "SELECT *, row_number() OVER () AS seeknal_row FROM own"
    joined = f"FROM ({numbered}) own LEFT JOIN seeknal_labels labels ON {match} ORDER BY seeknal_row"
    return own.query("own", f"SELECT own.*, labels.{label} AS seeknal_label {joined}")


def _unique(labels: Any, told: Mapping[str, Any]) -> None:
    names = [quoted(name) for name in told["on"]]
    known = labels.filter(" AND ".join(f"{name} IS NOT NULL" for name in names))
    counted = known.aggregate(f"{', '.join(names)}, count(*) AS seeknal_rows")
    twice = counted.filter("seeknal_rows > 1").order(", ".join(names)).limit(3).fetchall()
    if twice:
        shown = "; ".join(", ".join(map(str, row[:-1])) for row in twice)
        what = f"{told['inputs'][1]} has several labels for one {' and '.join(told['on'])}: {shown}"
        raise ToldError(FAILED, "labels_not_unique", what, "make it one row for each, so that labels can be joined")


def _numbers(rows: Any, told: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The features as a matrix with NaN for gaps, the labels, and the numbers of the rows that have one."""
    import numpy as np

    columns = [f"CAST({quoted(name)} AS DOUBLE) AS f{i}" for i, name in enumerate(told["features"])]
    found = rows.project(", ".join([*columns, f"CAST(seeknal_label AS {_label_type(told)}) AS y"])).fetchnumpy()
    features = [np.ma.filled(found[f"f{i}"], np.nan) for i in range(len(columns))]
    known = np.flatnonzero(~np.ma.getmaskarray(found["y"]))
    if not len(known):
        raise ToldError(
            FAILED, "nothing_to_learn", f"no row has a label in {told['label']!r}: there is nothing to learn"
        )
    return np.column_stack(features), np.ma.getdata(found["y"]), known


def _label_type(told: Mapping[str, Any]) -> str:
    if not told["classifies"]:
        return "DOUBLE"
    return told["label_type"] if told["label_type"] in ("VARCHAR", "BOOLEAN") else "BIGINT"


def _split(known: Any, told: Mapping[str, Any]) -> tuple[Any, Any]:
    """The rows to learn from and those to test with: the same ones where nothing is held out."""
    if not told["test_size"]:
        return known, known
    split = _named("sklearn.model_selection.train_test_split")
    seed = told["params"].get("random_state", 42)
    with _refusing("test_size"):
        learnt, tested = split(known, test_size=told["test_size"], random_state=seed)
    return learnt, tested


def _fitted(told: Mapping[str, Any], x: Any, y: Any) -> tuple[Any, list[Any] | None]:
    """The fitted model, and the classes that its answers are numbers of, where it knows numbers only."""
    with _refusing("params"):
        estimator = _named(told["estimator"])(**told["params"])
    if len(told["outputs"]) > 1 and not hasattr(estimator, "predict_proba"):
        estimator = _named("sklearn.calibration.CalibratedClassifierCV")(estimator, ensemble=False)
    classes = sorted(set(y.tolist())) if told["estimator"] == "xgboost.XGBClassifier" else None
    gaps = _named("sklearn.impute.SimpleImputer")(keep_empty_features=True)
    model = _named("sklearn.pipeline.make_pipeline")(gaps, estimator)
    with _refusing("params"):
        return model.fit(x, _codes(y, classes)), classes


def _named(dotted: str) -> Any:
    """What a dotted name stands for, imported now."""
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module), name)


def _codes(y: Any, classes: list[Any] | None) -> Any:
    import numpy as np

    if classes is None:
        return y.astype(str) if y.dtype == object else y
    return np.array([classes.index(item) if item in classes else -1 for item in y.tolist()])


def _outputs(model: Any, x: Any, classes: list[Any] | None, told: Mapping[str, Any]) -> list[Any]:
    """For every row the prediction and, where it is asked for, its probability."""
    import numpy as np

    if not len(x):
        return [[] for _ in told["outputs"]]
    answers = model.predict(x)
    values = answers.tolist() if classes is None else [classes[code] for code in answers]
    if len(told["outputs"]) < 2:
        return [values]
    of_class = model.predict_proba(x)
    places = np.searchsorted(model.classes_, answers)
    return [values, of_class[np.arange(len(x)), places].astype(float).tolist()]


def _with_outputs(ctx: Any, told: Mapping[str, Any], outputs: list[Any]) -> Any:
    import pyarrow as pa

    type_ = told["label_type"] if told["classifies"] else "DOUBLE"
    ctx.duckdb.register("seeknal_outputs", pa.table({f"o{i}": values for i, values in enumerate(outputs)}))
    given = [f"CAST(o0 AS {type_}) AS {quoted(told['outputs'][0])}"]
    given += [f"o1 AS {quoted(name)}" for name in told["outputs"][1:]]
    rows = ctx.ref(told["inputs"][0])
    return rows.query("own", f"SELECT own.*, {', '.join(given)} FROM own POSITIONAL JOIN seeknal_outputs")


def _pickled(document: dict[str, Any]) -> bytes:
    import pickle

    return pickle.dumps(document, protocol=5)


@contextmanager
def _one_thread() -> Iterator[None]:
    """So that sums do not depend on the number of cores."""
    with _named("threadpoolctl.threadpool_limits")(1):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Each warning of the training once, as a line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message).partition("\n")[0] for warning in caught):
        print(f"warning: {text}")


@contextmanager
def _refusing(field: str) -> Iterator[None]:
    """What scikit-learn does not take is a failure of the training, told in its words."""
    try:
        yield
    except TypeError as error:
        raise ToldError(WRONG, "wrong_field", f"training.{field}: {error}") from error
    except ValueError as error:
        raise ToldError(FAILED, "training_failed", f"it cannot be trained: {error}") from error
