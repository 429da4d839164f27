"""Every example of `cache_format.md` is executed: vectors, grammars, and the worked example against a real run.

`SEEKNAL_ACCEPT=1` writes the worked example anew from a run, for the version of DuckDB that is installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from blake3 import blake3

from seeknal.engines.footer import read_footer
from seeknal.model import digest as model
from seeknal.model import parts as of_parts
from seeknal.model.action import Action, Column, Used, read_result
from seeknal.model.generation import read_generation
from seeknal.store import layout
from tests.project_on_disk import Project
from tests.spec import reader

LAW = Path(__file__).parents[2] / "cache_format.md"
BEGIN, END = "<!-- example: begin -->\n", "<!-- example: end -->"
FIRST = ("run", "--date", "2024-01-01", "--run-id", "example")
SECOND = ("run", "--date", "2024-01-02", "--run-id", "edited")


class Block(NamedTuple):
    """A fenced block: the words of its info string, its bytes without the last line end, its line."""

    words: tuple[str, ...]
    text: str
    line: int

    @property
    def data(self) -> bytes:
        return self.text.encode("utf-8", "surrogatepass")

    @property
    def unhexed(self) -> bytes:
        return bytes.fromhex(self.text)


def blocks(text: str) -> list[Block]:
    found = []
    for match in re.finditer(r"^```(\S.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        found.append(Block(tuple(match[1].split()), match[2].removesuffix("\n"), text[: match.start()].count("\n") + 1))
    return found


BLOCKS = blocks(LAW.read_text(encoding="utf-8"))


def of(*words: str) -> list[Any]:
    return [pytest.param(b, id=f"line-{b.line}") for b in BLOCKS if b.words[: len(words)] == words]


def grammar() -> dict[str, str]:
    rules: dict[str, str] = {}
    for block in BLOCKS:
        if block.words == ("text", "grammar"):
            for line in block.text.splitlines():
                name, pattern = line.split(None, 1)
                rules[name] = re.sub(r"\{([a-z]+)\}", lambda m: rules[m[1]], pattern)
    return rules


RULES = grammar()


def is_path(text: str) -> bool:
    root, _, rest = text.partition("/")
    return re.fullmatch(RULES[root.lower()], rest) is not None


# -- prose ---------------------------------------------------------------------------------------------------------


def test_every_block_says_what_it_is_and_every_section_is_numbered() -> None:
    text = LAW.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(BLOCKS)
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {f"**I{i}**" for i in range(1, 9)} == set(re.findall(r"^- (\*\*I\d\*\*) ", text, re.MULTILINE))


def test_the_reader_knows_nothing_of_seeknal() -> None:
    text = Path(reader.__file__).read_text(encoding="utf-8")
    assert re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE) == ["json", "os", "re", "sys", "typing", "blake3"]
    assert len(text.splitlines()) <= 250


# -- digests and canonical JSON ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [*of("text", "bytes"), *of("text", "hex")])
def test_bytes_have_the_digest_that_stands_beside_them(block: Block) -> None:
    data = block.unhexed if block.words[1] == "hex" else block.data
    assert model.digest_of(data) == block.words[-1] == reader.digest(data)
    if block.words[1] == "hex":
        assert model.canonical(json.loads(data)) == data == reader.canonical(reader.read(data, dict))


@pytest.mark.parametrize("block", of("json", "canonical"))
def test_a_canonical_document_is_its_own_canonical_form(block: Block) -> None:
    document = json.loads(block.data)
    assert model.canonical(document) == block.data
    assert model.document_digest(document) == block.words[-1]
    assert reader.read(block.data, dict) == document


@pytest.mark.parametrize("block", [*of("json", "invalid"), *of("text", "hex-invalid")])
def test_what_is_not_canonical_is_rejected_by_both(block: Block) -> None:
    data = block.unhexed if block.words[0] == "text" else block.data
    with pytest.raises(ValueError):
        reader.read(data, dict)
    try:
        again = model.canonical(json.loads(data))
    except ValueError:
        return
    assert again != data


def test_values_without_a_place_are_tagged() -> None:
    document = model.plain({"rate": 0.1, "big": 2**53 - 1 + 2, "day": date(2024, 1, 1)})
    assert document == {
        "big": {"$int": "9007199254740993"},
        "day": {"$date": "2024-01-01"},
        "rate": {"$float": "0.1"},
    }


@pytest.mark.parametrize("block", of("text", "digest-invalid"))
def test_what_is_no_digest_is_rejected_by_both(block: Block) -> None:
    for line in block.text.splitlines():
        assert not model.is_digest(line)
        assert not reader.DIGEST.fullmatch(line)


# -- paths ---------------------------------------------------------------------------------------------------------


def test_paths_match_the_grammar() -> None:
    good = [line for b in BLOCKS if b.words == ("text", "path") for line in b.text.splitlines()]
    bad = [line for b in BLOCKS if b.words == ("text", "path-invalid") for line in b.text.splitlines()]
    assert good
    assert bad
    assert [line for line in good if not is_path(line)] == []
    assert [line for line in bad if is_path(line)] == []


def test_the_program_spells_paths_by_the_grammar() -> None:
    name = "blake3:" + "ab" * 32
    store, target = layout.StoreLayout("STORE"), layout.TargetLayout("TARGET")
    paths = [store.blob(name), store.result(name), store.root_of("ab" * 8 + "-prod"), store.marker, store.lock]
    paths += [store.action_lock(name), f"{store.tmp}/1-2-ab", f"{store.quarantine}/1-ab", f"STORE/{layout.TAG_NAME}"]
    for env in ("prod", "dev"):
        paths += [target.ref(env), target.pointer(env), target.view(env, "intermediate")]
        paths += [f"{target.generation(env, name)}/intermediate/x.parquet"]
        paths += [f"{target.states(env)}/transform_calls.json", target.marks(env)]
    paths += [
        f"{target.parts(name)}/{part.name}.parquet"
        for part in of_parts.read_index(json.loads(only("json", "canonical", "index").data))
    ]
    paths += [target.log("20240101-000000-abcdef"), target.local("stamp"), f"{target.tmp}/1", target.publish_lock]
    assert [path for path in paths if not is_path(path)] == []
    assert reader.VIEW.pattern == RULES["view"]
    assert reader.DIGEST.pattern == RULES["digest"]


def test_the_marker_and_the_tag_are_those_of_the_law() -> None:
    (marker,) = (b for b in BLOCKS if b.words == ("text", "marker"))
    (tag,) = (b for b in BLOCKS if b.words[:2] == ("text", "bytes-of"))
    assert (marker.data + b"\n", tag.data + b"\n") == (layout.MARKER, layout.TAG)


# -- documents -----------------------------------------------------------------------------------------------------


def only(*words: str) -> Block:
    (found,) = (b for b in BLOCKS if b.words[: len(words)] == words)
    return found


def test_the_action_is_what_the_model_makes() -> None:
    block = only("json", "canonical", "action")
    document = reader.read(block.data, reader.ACTION)
    inputs = tuple(Used(u["name"], u["rows"], tuple(Column(*c) for c in u["columns"])) for u in document["inputs"])
    action = Action(document["engine"], document["definition"], inputs)
    assert (action.bytes, action.key) == (block.data, block.words[-1])


def test_the_result_goes_through_the_model_and_back() -> None:
    block, key = only("json", "canonical", "result"), only("json", "canonical", "action").words[-1]
    assert reader.read_result(block.data, key)["action"] == key
    assert read_result(json.loads(block.data), key).bytes() == block.data


def test_a_result_with_any_byte_changed_is_rejected_by_both() -> None:
    data, key = only("json", "canonical", "result").data, only("json", "canonical", "action").words[-1]
    for at in range(len(data)):
        for bit in range(8):
            torn = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
            with pytest.raises(ValueError):
                reader.read_result(torn, key)
            with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
                read_result(json.loads(torn), key)


def test_the_generation_goes_through_the_model_and_back() -> None:
    block = only("json", "canonical", "generation")
    assert reader.read(block.data, reader.GENERATION)
    assert model.canonical(read_generation(json.loads(block.data)).document()) == block.data


def test_the_index_goes_through_the_model_and_back_to_its_artifact() -> None:
    block, artifact = only("json", "canonical", "index"), only("json", "canonical", "artifact")
    assert reader.read(block.data, reader.INDEX)
    parts = of_parts.read_index(json.loads(block.data))
    assert of_parts.index_bytes(parts) == block.data
    assert model.canonical(of_parts.whole(parts, block.words[-1]).document()) == artifact.data
    assert reader.read(artifact.data, reader.ARTIFACT)["parts"] == len(parts)


@pytest.mark.parametrize("name", ["action", "result", "generation"])
def test_unknown_members_are_ignored_and_unknown_versions_rejected(name: str) -> None:
    document = json.loads(only("json", "canonical", name).data)
    shape = {"action": reader.ACTION, "result": reader.RESULT, "generation": reader.GENERATION}[name]
    assert reader.read(model.canonical({**document, "x-new": 1}), shape)
    newer = {**document, "version": 2}
    with pytest.raises(ValueError):
        reader.read(model.canonical(newer), shape)
    if name == "generation":
        assert read_generation({**document, "x-new": 1}).targets
        with pytest.raises(ValueError):
            read_generation(newer)
    if name == "result":
        body = {n: v for n, v in {**document, "x-new": 1}.items() if n != "check"}
        sealed = {**body, "check": model.document_digest(body)}
        assert read_result(sealed, document["action"]).artifact
        with pytest.raises(ValueError):
            read_result(newer, document["action"])


# -- column digests ------------------------------------------------------------------------------------------------


def columns_of(path: str) -> list[list[str]]:
    """The columns of a Parquet file, as section 9 says, read with another library's eyes."""
    import pyarrow.parquet

    data, meta = Path(path).read_bytes(), pyarrow.parquet.ParquetFile(path).metadata
    shapes = read_footer(path).shapes  # the same question to another library has no answer in these terms
    types = duckdb.connect().execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
    found = []
    for (name, type_, *_), elements in zip(types, shapes, strict=True):
        chunks = []
        for group in range(meta.num_row_groups):
            for leaf in range(meta.num_columns):
                chunk = meta.row_group(group).column(leaf)
                if chunk.path_in_schema.split(".")[0] == name:
                    starts = [chunk.dictionary_page_offset, chunk.data_page_offset]
                    start = min(s for s in starts if s)
                    chunks.append(data[start : start + chunk.total_compressed_size])
        head = model.canonical({"chunks": [len(c) for c in chunks], "elements": elements, "type": type_}) + b"\n"
        found.append([name, type_, "blake3:" + blake3(head + b"".join(chunks)).hexdigest()])
    return found


def test_column_digests_are_made_as_the_law_says(tmp_path: Path) -> None:
    project = Project(str(tmp_path), {"seeknal_project.yml": "name: x\n"})
    query = "SELECT i, [i, i + 1] AS l, {'a': i, 'b': i::VARCHAR} AS s, DATE '2024-01-01' AS d, i / 3 AS f FROM range(300000) t(i)"
    project.transform("wide", query)
    project.run()
    target = str(tmp_path / "target")
    (published,) = current(target)["targets"].values()
    assert published["artifact"]["columns"] == columns_of(project.view("transform.wide"))
    assert reader.check(target) == []


# -- the worked example --------------------------------------------------------------------------------------------


def current(target: str) -> Any:
    return document_of(target, Path(target, "refs/prod").read_text(encoding="utf-8").strip())


def document_of(target: str, name: str) -> Any:
    return json.loads(Path(target, "cas", name[7:9], name[9:]).read_bytes())


def tree(target: str) -> dict[str, bytes | str | None]:
    """path -> bytes, or `-> text` of a symlink, or None for an empty folder; without what tells of one run only."""
    found: dict[str, bytes | str | None] = {}
    for at, folders, names in os.walk(target):
        here = os.path.relpath(at, target)
        for name in sorted([*names, *folders]):
            path = os.path.normpath(os.path.join(here, name))
            full = os.path.join(target, path)
            if os.path.islink(full):
                found[path] = f"-> {os.readlink(full)}"
            elif os.path.isfile(full):
                found[path] = settled(path, Path(full).read_bytes())
            elif not os.listdir(full):
                found[f"{path}/"] = None
    return dict(sorted(found.items()))


def settled(path: str, data: bytes) -> bytes:
    if path.startswith("local/"):
        return b""
    if path.startswith("actions-v1/"):
        document = json.loads(data)
        document["made"]["milliseconds"] = 0
        document.pop("check")
        return model.canonical({**document, "check": model.document_digest(document)})
    if path.startswith("log/"):
        return re.sub(rb'("(?:at|milliseconds|start|ran)":)[0-9.]+', rb"\g<1>0", data)
    return data


def example(root: str) -> tuple[Project, dict[str, bytes | str | None], dict[str, bytes | str | None]]:
    """The project of the example, its tree after the first run, and after the edit."""
    project = Project(root)
    for block in BLOCKS:
        if block.words[:2] == ("text", "file"):
            project.write(block.words[2], block.text + "\n")
    assert project.seeknal(*FIRST).code == 0
    first = tree(project.path("target"))
    project.write("data/orders.csv", "id,amount\n1,10\n2,-5\n3,030\n")
    result = project.seeknal(*SECOND)
    assert result.code == 0
    return project, first, tree(project.path("target"))


def shown(before: dict[str, bytes | str | None], after: dict[str, bytes | str | None]) -> str:
    """What `after` has that `before` has not, as fenced blocks."""
    new = {path: value for path, value in after.items() if before.get(path, ...) != value}
    lines = []
    for path, value in new.items():
        if isinstance(value, str):
            lines.append(f"{path} {value}")
        elif value is not None and value[:4] == b"PAR1":
            lines.append(f"{path} {len(value)} bytes of Parquet")
        else:
            lines.append(path)
    text = "```text tree\n" + "\n".join(lines) + "\n```\n"
    for path, value in new.items():
        if isinstance(value, bytes) and value and value[:4] != b"PAR1":
            word = "text" if value.endswith(b"\n") else "json"
            body = value.decode() if value.endswith(b"\n") else value.decode() + "\n"
            text += f"\n```{word} at {path}\n{body}```\n"
    return text


def section(first: dict[str, bytes | str | None], second: dict[str, bytes | str | None]) -> str:
    gone = [path for path in first if path not in second]
    assert gone == []
    return (
        f"\n```text duckdb\n{duckdb.__version__}\n```\n\n"
        "### 19.1 After `seeknal run --date 2024-01-01 --run-id example`\n\n"
        "Everything under `target/`; a path that ends in `/` is an empty folder, `->` stands before the text of a symlink.\n"
        "A block `at` a path holds the file's bytes: `json` without the block's last line end, `text` with it.\n\n"
        f"{shown({}, first)}\n"
        "### 19.2 After an edit, and `seeknal run --date 2024-01-02 --run-id edited`\n\n"
        "In `data/orders.csv` the line `3,30` becomes `3,030`: other bytes, the same table.\n"
        "The source has another key and is read again; its table has the same columns, so it is the same blob; "
        "the key of the transform is what it was, so nothing more is executed: this is early cutoff.\n"
        "New or changed are these, and nothing is gone:\n\n"
        f"{shown(first, second)}\n"
    )


def numbered(text: str) -> str:
    """The text with what depends on DuckDB's version numbered in order of appearance."""
    text = re.sub(r'"engine":"duckdb/[0-9.]+"', '"engine":"duckdb"', re.sub(r'"size":\d+', '"size":0', text))
    text = re.sub(r" \d+ bytes of Parquet", " Parquet", re.sub(r"```text duckdb\n.*\n", "", text))
    text = re.sub(r"(cas|actions-v1)/(..)/([0-9a-f]{62})", r"\1/\2\3", text)
    ids: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return ids.setdefault(match[0][:16], f"<{len(ids)}>")

    by_path = {b.words[2]: b for b in blocks(text) if b.words[1:2] == ("at",)}
    for name in ("refs/prod", *sorted(by_path)):
        if name == "refs/prod":
            ordered_digests(by_path, by_path[name].text, number)
    lines = re.sub(r"[0-9a-f]{64}|(?<=generations/)[0-9a-f]{16}", number, text)
    return "\n".join(sorted(lines.splitlines()))


def ordered_digests(by_path: dict[str, Block], start: str, number: Any) -> None:
    """Number digests in the order in which one reaches them from the ref."""
    waiting, seen = re.findall(r"[0-9a-f]{64}", start), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        number(re.match(".*", name))
        for folder in ("cas", "actions-v1"):
            block = by_path.get(f"{folder}/{name}")
            waiting += re.findall(r"[0-9a-f]{64}", block.text) if block else []


def test_the_worked_example_is_what_a_run_leaves(tmp_path: Path) -> None:
    project, first, second = example(str(tmp_path / "shop"))
    made = section(first, second)
    law = LAW.read_text(encoding="utf-8")
    head, rest = law.split(BEGIN)
    told, tail = rest.split(END)
    if os.environ.get("SEEKNAL_ACCEPT"):
        LAW.write_text(f"{head}{BEGIN}{made}{END}{tail}", encoding="utf-8")
        return
    if only("text", "duckdb").text == duckdb.__version__:
        assert made == told
    assert numbered(made) == numbered(told)
    assert reader.check(project.path("target")) == []


def test_every_path_of_the_example_matches_the_grammar(tmp_path: Path) -> None:
    _, _, second = example(str(tmp_path / "shop"))
    wrong = [p for p in second if not p.endswith("/") and not (is_path(f"TARGET/{p}") or is_path(f"STORE/{p}"))]
    assert wrong == []


def test_the_edit_of_the_example_executes_the_source_only(tmp_path: Path) -> None:
    project, first, second = example(str(tmp_path / "shop"))
    blobs = [p for p in second if p.startswith("cas/") and (second[p] or b"")[:4] == b"PAR1"]
    assert [p for p in blobs if p not in first] == []
    results = [p for p in second if p.startswith("actions-v1/") and p not in first]
    assert len(results) == 1
    assert current(project.path("target"))["run"] == "edited"


# -- invariants ----------------------------------------------------------------------------------------------------


def whole(tmp_path: Path) -> tuple[Project, str]:
    project, _, _ = example(str(tmp_path / "shop"))
    target = project.path("target")
    assert reader.check(target) == []
    return project, target


def test_the_reader_tolerates_leftovers(tmp_path: Path) -> None:
    _, target = whole(tmp_path)
    for folder in ("tmp", "locks", "quarantine"):
        Path(target, folder).mkdir(exist_ok=True)
        Path(target, folder, "left").write_bytes(b"half")
    stray = b"nobody names me"
    name = model.digest_of(stray)[7:]
    Path(target, "cas", name[:2]).mkdir(exist_ok=True)
    Path(target, "cas", name[:2], name[2:]).write_bytes(stray)
    assert reader.check(target) == []


def _replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _blob(target: str, name: str) -> Path:
    return Path(target, "cas", name[7:9], name[9:])


@pytest.mark.parametrize("rule", ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"])
def test_the_reader_finds_each_violation(tmp_path: Path, rule: str) -> None:
    _, target = whole(tmp_path)
    clean = current(target)["targets"]["transform.clean"]
    blob, action = _blob(target, clean["artifact"]["blob"]), _blob(target, clean["action"])
    view = Path(target, "current/intermediate/transform_clean.parquet")
    damage: dict[str, Callable[[], object]] = {
        "I1": lambda: _replace(blob, blob.read_bytes()[:-1] + b"?"),
        "I2": lambda: _replace(next(Path(target, "actions-v1").glob("*/*")), b"{}"),
        "I3": action.unlink,
        "I4": lambda: _replace(Path(target, "refs/prod"), b"blake3:" + b"0" * 64 + b"\n"),
        "I5": view.unlink,
        "I6": blob.unlink,
        "I7": lambda: blob.rename(blob.with_name("not-hex")),
        "I8": lambda: os.link(blob, Path(target, "hard")),
    }
    damage[rule]()
    assert rule in {line[:2] for line in reader.check(target)}


def test_deleting_what_carries_no_information_loses_nothing(tmp_path: Path) -> None:
    project, target = whole(tmp_path)
    before = Path(target, "refs/prod").read_bytes()
    for name in ("tmp", "locks", "quarantine", "log", "local", "generations"):
        shutil.rmtree(os.path.join(target, name), ignore_errors=True)
    for name in ("current", "intermediate", "feature_store"):
        os.unlink(os.path.join(target, name))
    result = project.run("--date", "2024-01-03")
    assert result.built == set()
    assert Path(target, "refs/prod").read_bytes() == before
    assert reader.check(target) == []


def test_a_damaged_ref_is_answered_from_the_pointer(tmp_path: Path) -> None:
    project, target = whole(tmp_path)
    before = Path(target, "refs/prod").read_bytes()
    _replace(Path(target, "refs/prod"), b"nonsense")
    assert project.run("--date", "2024-01-03").built == set()
    assert Path(target, "refs/prod").read_bytes() == before
    assert reader.check(target) == []


# -- what an earlier state of the program got wrong ---------------------------------


def test_a_view_path_outside_of_the_grammar_is_rejected() -> None:
    document = json.loads(only("json", "canonical", "generation").data)
    target = next(iter(document["targets"].values()))
    target["views"] = {"intermediate/../../../etc/x": target["artifact"]["blob"]}
    with pytest.raises(ValueError):
        reader.read(model.canonical(document), reader.GENERATION)
    with pytest.raises(ValueError):
        read_generation(document)


def in_place(tmp_path: Path) -> Project:
    """Two Parquet sources, used where they lie, each with a transform; run once."""
    project = Project(str(tmp_path / "shop"), {"seeknal_project.yml": "name: shop\n"})
    os.mkdir(project.path("data"))
    for i, name in enumerate("ab"):
        write_parquet(project.path("data", f"{name}.parquet"), f"SELECT {i} AS i")
        project.write(
            f"seeknal/sources/{name}.yml",
            f"kind: source\nname: {name}\nsource: parquet\ntable: data/{name}.parquet\n",
        )
        project.transform(f"t{name}", f"SELECT i + 1 AS i FROM ref('source.{name}')", (f"source.{name}",))
    project.run()
    assert reader.check(project.path("target")) == []
    return project


def write_parquet(path: str, query: str) -> None:
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


def test_a_file_in_place_with_another_unit_is_another_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    project = in_place(tmp_path)
    project.transform("ta", "SELECT epoch_us(i) AS us FROM ref('source.a')", ("source.a",))
    for unit, value in (("ms", 1_000_000), ("us", 1000)):
        stamps = pa.array([1000], pa.int64()).view(pa.timestamp(unit))
        pq.write_table(pa.table({"i": stamps}), project.path("data/a.parquet"))
        project.run()
        assert project.rows("transform.ta") == [(value,)]


def test_a_partial_run_keeps_the_views_of_files_in_place(tmp_path: Path) -> None:
    project = in_place(tmp_path)
    project.edit("seeknal/transforms/ta.yml", "i + 1", "i + 2")
    project.run("-n", "transform.ta")
    assert reader.check(project.path("target")) == []


def test_a_rollback_finds_files_in_place(tmp_path: Path) -> None:
    project = in_place(tmp_path)
    project.edit("seeknal/transforms/ta.yml", "i + 1", "i + 2")
    project.run()
    assert project.seeknal("rollback").code == 0
    assert reader.check(project.path("target")) == []


def test_a_lost_action_document_of_a_hit_comes_back(tmp_path: Path) -> None:
    project, target = whole(tmp_path)
    _blob(target, current(target)["targets"]["transform.clean"]["action"]).unlink()
    Path(target, "local", "stamp").unlink()  # a no-op looks at what readers see, and at nothing else
    project.run("--date", "2024-01-03")
    assert reader.check(target) == []


def test_a_ref_that_names_no_generation_is_a_damaged_ref(tmp_path: Path) -> None:
    project, target = whole(tmp_path)
    blob = current(target)["targets"]["transform.clean"]["artifact"]["blob"]
    _replace(Path(target, "refs/prod"), f"{blob}\n".encode())
    assert project.seeknal("run", "--date", "2024-01-03").code == 0
    assert reader.check(target) == []


def test_gc_stops_at_a_ref_that_it_cannot_read(tmp_path: Path) -> None:
    project, target = whole(tmp_path)
    _replace(Path(target, "refs/prod"), b"nonsense")
    os.unlink(os.path.join(target, "current"))
    before = len(list(Path(target, "cas").glob("*/*")))
    project.seeknal("cache", "gc", "--grace", "0", "--max-age", "0")
    assert len(list(Path(target, "cas").glob("*/*"))) == before


def test_a_store_is_not_made_in_a_folder_of_somebody_else(tmp_path: Path) -> None:
    project, _ = whole(tmp_path)
    project.write("mine/.gitignore", "secret\n")
    project.seeknal("run", "--cache-dir", project.path("mine"))
    assert project.read("mine/.gitignore") == "secret\n"


def test_a_file_that_changes_while_it_is_read_makes_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seeknal.engines.parquet import copy

    project, target = whole(tmp_path)
    project.write("data/orders.csv", "id,amount\n1,1\n")

    def late(*arguments: Any) -> Any:
        project.write("data/orders.csv", "id,amount\n1,99\n")
        return copy(*arguments)

    monkeypatch.setattr("seeknal.engines.connector.copy", late)
    project.run("--date", "2024-01-03", ok=False)
    monkeypatch.undo()
    project.write("data/orders.csv", "id,amount\n1,1\n")
    project.run("--date", "2024-01-03", ok=False)
    assert project.rows("source.orders") == [(1, 1)]
    assert reader.check(target) == []


# -- intervals -----------------------------------------------------------------------------------------------------


def by_day(tmp_path: Path) -> tuple[Project, str]:
    """A source that is split by day, with rows of no time, and a node that looks back on it, with a day without rows."""
    project = Project(str(tmp_path / "days"), {"seeknal_project.yml": "name: days\n"})
    project.write("data/rides.csv", "day,km\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n,9\n")
    project.write(
        "seeknal/days.yml",
        """
        kind: source
        name: rides
        source: csv
        table: data/rides.csv
        schema: {day: DATE, km: BIGINT}
        interval: {unit: day, column: day}
        ---
        kind: transform
        name: daily
        interval: {unit: day, column: day, lookback: 1}
        inputs: [{ref: source.rides}]
        transform: SELECT day, km FROM ref('source.rides') WHERE day = CAST('{{ interval_start }}' AS DATE)
        """,
    )
    project.run("--date", "2024-01-06")
    return project, project.path("target")


def test_tables_with_parts_are_what_the_law_says(tmp_path: Path) -> None:
    project, target = by_day(tmp_path)
    assert reader.check(target) == []
    tables = {name: table["artifact"] for name, table in current(target)["targets"].items()}
    assert {name: (table["parts"], table["rows"]) for name, table in tables.items()} == {
        "source.rides": (4, 4),
        "transform.daily": (5, 3),
    }
    shutil.rmtree(os.path.join(target, "parts"))
    assert project.run("--date", "2024-01-06").built == set()
    assert reader.check(target) == []


def test_the_reader_finds_a_lost_part_and_a_folder_that_shows_something_else(tmp_path: Path) -> None:
    _, target = by_day(tmp_path)
    index = current(target)["targets"]["transform.daily"]["artifact"]["blob"]
    folder = Path(target, "parts", index[7:39])
    os.symlink("elsewhere", folder / "more.parquet")
    assert {line[:2] for line in reader.check(target)} == {"I5"}
    (folder / "more.parquet").unlink()
    _blob(target, document_of(target, index)["parts"][1][3]["blob"]).unlink()
    assert {line[:2] for line in reader.check(target)} >= {"I6"}
