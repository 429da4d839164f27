"""`model`: a table's rows with what a model says of them; the fitted model travels with the table.

Decides which estimator an algorithm is and with which parameters, and, once the columns of the inputs are known, what is
learnt from: the features, the label, and how labels that lie elsewhere are joined. Trains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seeknal.errors import nearest
from seeknal.model.digest import plain
from seeknal.model.lowering import Lowered, Wrong
from seeknal.model.node import Input, Recipe, Schema

_TRAINING = ("algorithm", "label_source", "label_column", "params", "test_size", "features")
_ID = re.compile(r"[a-z_]+\.[A-Za-z_][A-Za-z0-9_-]*")
_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|DECIMAL\(\d+,0\)")
_NUMBER = re.compile(rf"{_WHOLE.pattern}|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|BOOLEAN")
_CLASS = re.compile(rf"{_WHOLE.pattern}|BOOLEAN|VARCHAR")


class Algorithm(NamedTuple):
    """An estimator by its dotted name, the parameters that it has unless a person says otherwise, and its package."""

    estimator: str
    defaults: Mapping[str, Any]
    classifies: bool = False
    package: str = "scikit-learn>=1.5"


_SEED = {"random_state": 42}
_TREES = {"n_estimators": 100, "max_depth": 6, "n_jobs": 1, **_SEED}
_BOOSTED = {**_TREES, "learning_rate": 0.1}
ALGORITHMS: Mapping[str, Algorithm] = {
    "linear_regression": Algorithm("sklearn.linear_model.LinearRegression", {}),
    "logistic_regression": Algorithm("sklearn.linear_model.LogisticRegression", {"max_iter": 1000, **_SEED}, True),
    "random_forest": Algorithm("sklearn.ensemble.RandomForestClassifier", _TREES, True),
    "random_forest_regressor": Algorithm("sklearn.ensemble.RandomForestRegressor", _TREES),
    "svm": Algorithm("sklearn.svm.SVC", {"kernel": "rbf", **_SEED}, True),
    "svm_regressor": Algorithm("sklearn.svm.SVR", {"kernel": "rbf"}),
    "xgboost": Algorithm("xgboost.XGBClassifier", _BOOSTED, True, "xgboost>=2"),
    "xgboost_regressor": Algorithm("xgboost.XGBRegressor", _BOOSTED, False, "xgboost>=2"),
}
# The classes' own names mean the same.
_ALIASES = {algorithm.estimator.rpartition(".")[2]: name for name, algorithm in ALGORITHMS.items()}


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a model."""

    output_columns: Any
    training: dict[str, Any]
    inputs: Any = None
    depends_on: Any = None
    aggregation: Any = None
    transform: Any = None


def reads(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The node that `training.label_source` names."""
    training = fields.get("training")
    source = training.get("label_source") if isinstance(training, Mapping) else None
    return (source,) if isinstance(source, str) and _ID.fullmatch(source) else ()


def attached(name: str) -> dict[str, str]:
    """What is shown of the bytes that travel with the table: view path -> their name."""
    return {f"intermediate/model_{name}.pkl": "model"}


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the training engine."""
    if not (spec.inputs or spec.depends_on) or not inputs:
        raise Wrong(("inputs",), "a model needs the table that it learns from: inputs: [{ref: transform.trips}]")
    _known_fields(spec.training)
    word, algorithm = _algorithm(spec.training.get("algorithm"))
    source = _label_source(spec.training)
    params = {**algorithm.defaults, **_params(spec.training.get("params"))}
    told = {
        "algorithm": word,
        "estimator": algorithm.estimator,
        "classifies": algorithm.classifies,
        "params": params,
        "label": _text(spec.training, "label_column"),
        "test_size": _test_size(spec.training.get("test_size")),
        "features": _names(spec.training.get("features"), ("training", "features")),
        "outputs": _outputs(spec.output_columns, word, algorithm),
        "name": name,  # it stands in the fitted model's file
    }
    read = tuple(dict.fromkeys((inputs[0], *([source] if source else []))))
    packages = tuple(dict.fromkeys(("scikit-learn>=1.5", algorithm.package)))
    late = {"training": told, "requirements": packages}
    recipe = Recipe("training", {"expand": "model", "training": plain(told)}, tuple(map(Input, read)), late=late)
    return Lowered(recipe, {"fields": ("output_columns", "training"), "warnings": _unread(inputs, read)})


def _unread(inputs: Sequence[str], read: Sequence[str]) -> list[tuple[Any, str, str]]:
    more = [name for name in inputs if name not in read]
    text = "a model learns from its first input; it does not read {}"
    return [(("inputs",), text.format(", ".join(more)), "ignored")] if more else []


def _known_fields(training: Mapping[str, Any]) -> None:
    for field in training:
        near = nearest(field, _TRAINING) if field not in _TRAINING else ""
        if near:
            raise Wrong(("training", field), f"unknown field {field!r} of training{near}")


def _algorithm(word: Any) -> tuple[str, Algorithm]:
    name = _ALIASES.get(word, word) if isinstance(word, str) else ""
    if name in ALGORITHMS:
        return name, ALGORITHMS[name]
    near = nearest(str(word), [*ALGORITHMS, *_ALIASES]) if word is not None else ""
    raise Wrong(("training", "algorithm"), f"algorithm is {word!r}{near}: allowed are {', '.join(ALGORITHMS)}")


def _text(training: Mapping[str, Any], field: str) -> str:
    value = training.get(field)
    if not isinstance(value, str) or not value:
        raise Wrong(("training", field), f"{field} is {value!r}: the name of the column to learn is needed")
    return value


def _label_source(training: Mapping[str, Any]) -> str | None:
    value = training.get("label_source")
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise Wrong(("training", "label_source"), f"label_source is {value!r}: write a node, as in transform.churned")


def _params(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Wrong(("training", "params"), "params is a mapping: params: {n_estimators: 200}")
    return {str(name): item for name, item in value.items()}


def _test_size(value: Any) -> float | None:
    if value is None or (isinstance(value, float) and 0 < value < 1):
        return value
    raise Wrong(("training", "test_size"), f"test_size is {value!r}: the part of the rows to test with, as in 0.2")


def _names(value: Any, path: tuple[str, ...]) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise Wrong(path, f"{path[-1]} is a list with names of columns")
    twice = [item for item in value if [other.lower() for other in value].count(item.lower()) > 1]
    if twice:
        raise Wrong(path, f"{path[-1]} has {twice[0]!r} twice")
    return value


def _outputs(value: Any, word: str, algorithm: Algorithm) -> list[str]:
    names = _names(value, ("output_columns",)) or []
    most = 2 if algorithm.classifies else 1
    if len(names) > most:
        second = "the prediction and its probability" if algorithm.classifies else "the prediction"
        raise Wrong(("output_columns", most), f"{word} gives {second}: {names[most]!r} is one name too many")
    return names


def expand(definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> dict[str, Any]:
    """What is learnt from, for the columns that the inputs have. Raises Wrong.

    `features`, `ignored` (columns that are no numbers), `label`, `label_type`, `on` (by which columns labels of the second input are
    joined; none when the first input has the label), and `reads`: for each input the columns, None for all.
    """
    told = definition["training"]
    own, other = _named(schemas[0]), _named(schemas[1] if len(schemas) > 1 else None)
    _no_clash(told["outputs"], own)
    where = own if told["label"].lower() in own else other
    if told["label"].lower() not in where:
        raise _no_label(told["label"], own, other)
    label, label_type = where[told["label"].lower()]
    _learnable(told, label, label_type)
    on = [] if where is own else _common(own, other, label)
    hidden = {label.lower(), *(name.lower() for name in on)}
    features = _features(told["features"], own, hidden)
    more = [f"{name} {type_}" for key, (name, type_) in own.items() if key not in hidden and name not in features]
    ignored = [] if told["features"] else more
    reads: list[list[str] | None] = [None, *([[*(other[name.lower()][0] for name in on), label]] if on else [])]
    found = {"features": features, "ignored": ignored, "label": label, "label_type": label_type, "on": on}
    return {**found, "reads": reads}


def _named(schema: Schema | None) -> dict[str, tuple[str, str]]:
    return {name.lower(): (name, type_) for name, type_ in schema or ()}


def _no_clash(outputs: Sequence[str], own: Mapping[str, Any]) -> None:
    for i, name in enumerate(outputs):
        if name.lower() in own:
            raise Wrong(("output_columns", i), f"the input has a column {name!r} already: choose another name")


def _no_label(label: str, own: Mapping[str, Any], other: Mapping[str, Any]) -> Wrong:
    names = [name for name, _ in (*own.values(), *other.values())]
    place = "neither the input nor label_source has" if other else "the input does not have"
    text = f"{place} a column {label!r}{nearest(label, names)}: there are {', '.join(names)}"
    return Wrong(("training", "label_column"), text)


def _learnable(told: Mapping[str, Any], label: str, type_: str) -> None:
    allowed = _CLASS if told["classifies"] else _NUMBER
    if allowed.fullmatch(type_):
        return
    what = "classes: whole numbers, booleans or texts" if told["classifies"] else "numbers"
    raise Wrong(("training", "label_column"), f"{told['algorithm']} learns {what}, and {label!r} is {type_}: cast it")


def _common(own: Mapping[str, Any], other: Mapping[str, Any], label: str) -> list[str]:
    names = [name for key, (name, _) in own.items() if key in other and key != label.lower()]
    if names:
        return names
    text = "labels are joined by the columns that label_source and the input have in common: there are none"
    raise Wrong(("training", "label_source"), text)


def _features(asked: Sequence[str] | None, own: Mapping[str, tuple[str, str]], hidden: Iterable[str]) -> list[str]:
    usable = {key: name for key, (name, type_) in own.items() if _NUMBER.fullmatch(type_) and key not in hidden}
    for i, name in enumerate(asked or ()):
        if name.lower() not in usable:
            text = f"{name!r} is no number or boolean of the input to learn from{nearest(name, usable.values())}"
            raise Wrong(("training", "features", i), text)
    features = [usable[name.lower()] for name in asked] if asked else list(usable.values())
    if features:
        return features
    raise Wrong(("training", "features"), "the input has no number or boolean besides the label to learn from")
