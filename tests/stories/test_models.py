"""Models: a table with what a model says of its rows, and the model beside it. The same rows give the same model."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.refusals import ROOT, failure, refused, wrong_project
from tests.project_on_disk import Project, reader

TYPES = {"id": "BIGINT", "age": "BIGINT", "spend": "DOUBLE", "vip": "BOOLEAN", "city": "VARCHAR", "churned": "BIGINT",
         "worth": "DOUBLE", "mood": "VARCHAR"}  # fmt: skip


def people(project: Project, count: int = 120) -> None:
    """People whose churn follows from age and spend; some ages and some labels are not known."""
    dice = random.Random(5)
    lines = [",".join(TYPES)]
    for i in range(count):
        age, spend = dice.randint(18, 80), round(dice.random() * 100, 2)
        churned = "" if i % 23 == 0 else str(int(age + spend > 100))
        mood = "" if not churned else ("sad", "glad")[int(churned == "0")]
        cells = [i, age if i % 17 else "", spend, str(age > 50).lower(), "Paris" if i % 2 else "Rome", churned]
        lines.append(",".join(map(str, [*cells, round(age * 2 + spend, 2), mood])))
    project.source("people", "\n".join(lines) + "\n", TYPES)


def model(project: Project, training: str, outputs: str = "[said]", name: str = "churn", more: str = "") -> None:
    """A model over the source, or over what `more` says."""
    inputs = more or "inputs:\n  - ref: source.people\n"
    body = "".join(f"  {line}\n" for line in training.strip().splitlines())
    text = f"kind: model\nname: {name}\n{inputs}output_columns: {outputs}\ntraining:\n{body}"
    project.write(f"seeknal/models/{name}.yml", text)


@pytest.fixture
def crowd(project: Project) -> Project:
    people(project)
    return project


def rows(project: Project, node: str = "model.churn") -> list[dict[str, Any]]:
    cursor = reader().execute(f"SELECT * FROM read_parquet('{project.view(node)}')")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fitted(project: Project, name: str = "churn") -> dict[str, Any]:
    with open(project.path("target", "intermediate", f"model_{name}.pkl"), "rb") as file:
        found: dict[str, Any] = pickle.load(file)
    return found


def columns(project: Project, node: str = "model.churn") -> Any:
    return project.seeknal("show", node, "--json").json["published"]["artifact"]["columns"]


CLASSIFIERS = ("logistic_regression", "random_forest", "svm")
REGRESSORS = ("linear_regression", "random_forest_regressor", "svm_regressor")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, list[str]]]:
    """A project with a model of each algorithm and some more, built once; with the notes of the run."""
    made = Project(str(tmp_path_factory.mktemp("models") / "shop"))
    people(made)
    for word in CLASSIFIERS:
        model(made, f"algorithm: {word}\nlabel_column: churned\nfeatures: [age, spend]", "[said, sure]", word)
    for word in REGRESSORS:
        more = "\nparams: {C: 100.0}" if word == "svm_regressor" else ""
        model(made, f"algorithm: {word}\nlabel_column: worth\nfeatures: [age, spend]{more}", name=word)
    model(made, "algorithm: random_forest\nlabel_column: mood\nfeatures: [age, spend]", "[said, sure]", "moods")
    model(made, "algorithm: logistic_regression\nlabel_column: vip\nfeatures: [age]", name="vips")
    model(made, "algorithm: linear_regression\nlabel_column: worth", name="all")
    model(made, "algorithm: svm\nlabel_column: churned\ntest_size: 0.25\nfeatures: [age, spend]", name="tested")
    return made, {event["target"]: event["notes"] for event in made.run().of("built")}


Trained = tuple[Project, dict[str, list[str]]]


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
def test_a_classifier_says_a_class_and_how_sure_it_is(trained: Trained, algorithm: str) -> None:
    project, notes = trained
    assert notes[f"model.{algorithm}"][0].startswith("accuracy ")
    found = rows(project, f"model.{algorithm}")
    assert list(found[0]) == [*TYPES, "said", "sure"]
    assert [row["id"] for row in found] == list(range(120))
    known = [row for row in found if row["churned"] is not None]
    assert sum(row["said"] == row["churned"] for row in known) > 0.8 * len(known)
    assert {row["said"] for row in found if row["churned"] is None} <= {0, 1}
    assert all(0 < row["sure"] <= 1 for row in found)


@pytest.mark.parametrize("algorithm", REGRESSORS)
def test_a_regressor_says_a_number(trained: Trained, algorithm: str) -> None:
    project, notes = trained
    assert notes[f"model.{algorithm}"][0].startswith("R² ")
    whole = [row for row in rows(project, f"model.{algorithm}") if row["age"] is not None]
    assert sum(abs(row["said"] - row["worth"]) for row in whole) / len(whole) < 25


def test_a_label_may_be_a_text_or_a_boolean(trained: Trained) -> None:
    project, _ = trained
    assert {row["said"] for row in rows(project, "model.moods")} == {"sad", "glad"}
    assert {type(row["said"]) for row in rows(project, "model.vips")} == {bool}
    assert [c[1] for c in columns(project, "model.moods")][-2:] == ["VARCHAR", "DOUBLE"]


def test_the_model_lies_beside_its_table_and_says_what_it_is(trained: Trained) -> None:
    project, _ = trained
    told = fitted(project, "tested")
    said = {
        name: told[name] for name in ("algorithm", "model_type", "node_id", "node_name", "label_column", "features")
    }
    assert said == {
        "algorithm": "svm", "model_type": "classification", "node_id": "model.tested",
        "node_name": "tested", "label_column": "churned", "features": ["age", "spend"],
    }  # fmt: skip
    assert (told["score_on"], told["rows_trained"], told["classes"]) == ("held-out", 85, [0, 1])
    assert 0.7 < told["score"] <= 1
    found = rows(project, "model.tested")
    matrix = [[float("nan") if row["age"] is None else row["age"], row["spend"]] for row in found]
    assert told["model"].predict(matrix).tolist() == [row["said"] for row in found]


def test_all_numbers_and_booleans_are_learnt_from_and_a_note_says_what_is_not(trained: Trained) -> None:
    project, notes = trained
    assert "not learnt from: city VARCHAR, mood VARCHAR" in notes["model.all"]
    assert fitted(project, "all")["features"] == ["id", "age", "spend", "vip", "churned"]


def test_two_builds_give_the_same_bytes_and_train_in_a_process_of_their_own(tmp_path: Path) -> None:
    heavy = "{'sklearn', 'numpy', 'scipy', 'pandas', 'pyarrow'}"
    code = (
        f"import sys; from seeknal.cli import main; code = main(sys.argv[1:]); print(code, {heavy} & set(sys.modules))"
    )
    found = []
    for place, options in (("one", []), ("other", ["--parallel", "--max-workers", "2"])):
        project = Project(str(tmp_path / place))
        people(project)
        model(project, "algorithm: random_forest\nlabel_column: churned\ntest_size: 0.2", "[said, sure]")
        words = [sys.executable, "-c", code, "run", *options, "--project-path", project.root]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
        assert done.stdout.splitlines()[-1] == "0 set()", done.stdout + done.stderr
        document = project.seeknal("show", "model.churn", "--json").json["published"]
        found.append((document["action"], document["artifact"], document["views"]))
    assert found[0] == found[1]


def test_what_is_learnt_with_is_in_the_key_and_who_reads_the_answers_reads_only_them(crowd: Project) -> None:
    model(crowd, "algorithm: linear_regression\nlabel_column: worth\nfeatures: [age]\nparams: {tol: 0.5}")
    crowd.transform("best", "SELECT id, said FROM ref('model.churn') ORDER BY said DESC LIMIT 3")
    crowd.run()
    file = "seeknal/models/churn.yml"
    crowd.edit(file, "kind: model\n", "kind: model\ndescription: who leaves\ntags: [crm]\n")
    crowd.edit(file, "linear_regression", "LinearRegression  # the class's own name")
    assert crowd.run().built == set()
    crowd.edit(file, "tol: 0.5", "tol: 0.25")
    ran = crowd.run()
    assert (ran.built, ran.of("done")[0]["cut_off"]) == ({"model.churn"}, 1)
    (reason,) = ran.of("built")[0]["reasons"]
    assert (reason["subject"], reason["detail"]) == ("training.params.tol", "0.5 -> 0.25")
    assert fitted(crowd)["params"] == {"tol": 0.25}
    assert "scikit-learn" in crowd.seeknal("show", "model.churn", "--json").json["action"]["definition"]["packages"]
    assert crowd.seeknal("rollback").code == 0
    assert fitted(crowd)["params"] == {"tol": 0.5}


def split(project: Project) -> None:
    """People without the label, and the labels elsewhere, in another order and not for everybody."""
    project.transform("facts", "SELECT id, age, spend FROM ref('source.people')")
    project.transform("labels", "SELECT id, churned, city FROM ref('source.people') WHERE id > 5 ORDER BY id DESC")


JOINED = "algorithm: random_forest\nlabel_source: transform.labels\nlabel_column: churned"
FACTS = "inputs:\n  - ref: transform.facts\n"


def test_labels_of_another_node_are_joined_by_what_both_have_and_no_more_is_read(crowd: Project) -> None:
    split(crowd)
    model(crowd, JOINED, more=FACTS)
    crowd.run()
    found = rows(crowd)
    assert list(found[0]) == ["id", "age", "spend", "said"]
    assert [row["id"] for row in found] == list(range(120))
    assert fitted(crowd)["features"] == ["age", "spend"]
    assert fitted(crowd)["rows_trained"] == 120 - 6 - 5
    labels = dict(reader().execute(f"SELECT id, churned FROM '{crowd.view('transform.labels')}'").fetchall())
    right = [row["said"] == labels[row["id"]] for row in found if labels.get(row["id"]) is not None]
    assert sum(right) > 0.9 * len(right)
    crowd.edit("data/people.csv", "Paris", "Lyon")
    assert "model.churn" not in crowd.run().built
    crowd.edit("seeknal/transforms/labels.yml", "id > 5", "id > 9")
    assert "model.churn" in crowd.run().built


def test_inputs_that_are_not_needed_are_not_read_and_a_warning_says_so(crowd: Project) -> None:
    crowd.transform("labels", "SELECT id, churned FROM ref('source.people') WHERE id > 5")
    crowd.transform("more", "SELECT 1 AS a")
    model(crowd, JOINED, more="inputs:\n  - ref: source.people\n  - ref: transform.more\n")
    (warning,) = [w for w in crowd.seeknal("validate", "--json").json["warnings"] if w["reason"] == "ignored"]
    assert (warning["file"], warning["line"]) == ("seeknal/models/churn.yml", 3)
    assert "transform.more" in warning["message"]
    crowd.run()
    crowd.edit("seeknal/transforms/labels.yml", "id > 5", "id > 9")
    crowd.edit("seeknal/transforms/more.yml", "SELECT 1", "SELECT 2")
    assert crowd.run().built == {"transform.labels", "transform.more"}


def test_several_labels_for_one_key_are_told(crowd: Project) -> None:
    split(crowd)
    crowd.edit("seeknal/transforms/labels.yml", "SELECT id,", "SELECT id % 50 AS id,")
    model(crowd, JOINED, more=FACTS)
    text = failure(crowd.run(ok=False), "model.churn")
    assert text.startswith("seeknal/models/churn.yml:1: model.churn: transform.labels has several labels for one id: ")


WRONG = {
    ("label_column: churned", "label_column: churn"): (8, "did you mean churned?"),
    ("label_column: churned", "label_column: worth"): (8, "logistic_regression learns classes"),
    ("label_column: churned", "label_column: [a]"): (8, "the name of the column"),
    ("algorithm: logistic_regression", "algorithm: linear_regression"): (5, "gives the prediction"),
    ("algorithm: logistic_regression", "algorithm: LogisticRegresion"): (7, "did you mean LogisticRegression?"),
    ("algorithm: logistic_regression", "algorithm: 7"): (7, "allowed are linear_regression"),
    ("label_column: churned", "label_colum: churned"): (8, "did you mean label_column?"),
    ("test_size: 0.2", "test_size: 2"): (9, "the part of the rows"),
    ("test_size: 0.2", "test_size: 1.5"): (9, "the part of the rows"),
    ("test_size: 0.2", "params: [1]"): (9, "params is a mapping"),
    ("test_size: 0.2", "features: [age, city]"): (9, "'city' is no number"),
    ("test_size: 0.2", "features: [age, churned]"): (9, "'churned' is no number"),
    ("test_size: 0.2", "features: []"): (9, "a list with names"),
    ("test_size: 0.2", "features: [age, AGE]"): (9, "twice"),
    ("test_size: 0.2", "label_source: here"): (9, "write a node"),
    ("[said, sure]", "[said, sure, when]"): (5, "'when' is one name too many"),
    ("[said, sure]", "[]"): (5, "a list with names"),
    ("[said, sure]", "said"): (5, "a list with names"),
    ("[said, sure]", "[said, City]"): (5, "has a column 'City' already"),
    ("[said, sure]", "[said, said]"): (5, "twice"),
    ("inputs:\n  - ref: source.people\n", ""): (1, "a model needs the table"),
    ("training:", "training: fast\nfoo:"): (6, "a mapping is needed"),
    ("output_columns: [said, sure]\n", ""): (1, "'output_columns' is missing"),
}


@pytest.mark.parametrize("edit", WRONG, ids=lambda edit: edit[1][:30] or "without " + edit[0][:10])
def test_a_wrong_field_is_told_at_its_line_before_anything_is_trained(crowd: Project, edit: tuple[str, str]) -> None:
    crowd.run()
    model(crowd, "algorithm: logistic_regression\nlabel_column: churned\ntest_size: 0.2", "[said, sure]")
    crowd.edit("seeknal/models/churn.yml", *edit)
    line, said = WRONG[edit]
    text = refused(crowd.seeknal("validate"), 3, said)
    assert f"seeknal/models/churn.yml:{line}: model.churn: " in text


@pytest.mark.parametrize(
    ("labels", "line", "said"),
    [
        ("SELECT 1 AS one, 2 AS churned", 8, "there are none"),
        ("SELECT id, 2 AS gone FROM ref('source.people')", 9, "neither the input nor label_source has a column"),
    ],
)
def test_labels_that_cannot_be_joined_are_told(crowd: Project, labels: str, line: int, said: str) -> None:
    split(crowd)
    crowd.transform("labels", labels)
    model(crowd, JOINED, more=FACTS)
    assert f"seeknal/models/churn.yml:{line}: model.churn: " in failure(crowd.run(ok=False), "model.churn")
    refused(crowd.seeknal("run"), 1, said)


def test_a_label_source_that_does_not_exist_is_told(crowd: Project) -> None:
    model(crowd, "algorithm: svm\nlabel_column: churned\nlabel_source: transform.lables")
    (problem,) = wrong_project(crowd.run(ok=False))
    assert problem["reason"] == "unknown_input"
    assert "transform.lables" in problem["message"]


REFUSED = {
    "params": ("algorithm: svm\nlabel_column: churned\nparams: {depth: 3}", "training.params: "),
    "value": ("algorithm: svm\nlabel_column: churned\nparams: {C: -1}", "training.params: The 'C' parameter of SVC"),
    "none": ("algorithm: svm\nlabel_column: none", "no row has a label in 'none'"),
    "one": ("algorithm: logistic_regression\nlabel_column: one", "it cannot be trained: "),
}


def test_what_cannot_be_trained_says_why_in_the_words_of_scikit_learn(crowd: Project) -> None:
    crowd.transform("odd", "SELECT age, 1 AS one, CAST(NULL AS BIGINT) AS none, churned FROM ref('source.people')")
    for name, (training, _) in REFUSED.items():
        model(crowd, training, name=name, more="inputs:\n  - ref: transform.odd\n")
    ran = crowd.run("--continue-on-error", ok=False)
    assert ran.code == 1
    for name, (_, said) in REFUSED.items():
        text = failure(ran, f"model.{name}")
        assert text.startswith(f"seeknal/models/{name}.yml:1: model.{name}: ")
        assert said in text


def test_a_package_that_is_missing_is_named_with_what_to_install(
    crowd: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.suppress(PackageNotFoundError):
        pytest.skip(f"NOT TESTED HERE: xgboost {version('xgboost')} is installed")
    monkeypatch.setenv("PATH", os.path.join(crowd.root, "nothing"))  # no uv
    model(crowd, "algorithm: XGBClassifier\nlabel_column: churned")
    text = refused(
        crowd.seeknal("run"), 7, "training needs scikit-learn>=1.5 and xgboost>=2", "pip install 'seeknal[ml]'"
    )
    assert "seeknal/models/churn.yml:7: model.churn: " in text
