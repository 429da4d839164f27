"""A reader of the format, made from `cache_format.md` alone; `python reader.py TARGET [STORE]` prints violations."""

import json
import os
import re
import sys
from typing import Any

from blake3 import blake3

DIGEST = re.compile(r"blake3:[0-9a-f]{64}")
VIEW = re.compile(r"(intermediate|feature_store)(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
LIMIT = 2**53 - 1

# A shape: a value, type, pattern, range, [each], (first, second), {member: shape, "optional?": shape, name's shape: shape},
# or a set of None and a shape: this or null.
COUNT, COLUMNS = range(LIMIT + 1), [(str, str, DIGEST)]
ARTIFACT = {
    "blob": DIGEST, "size": COUNT, "rows": COUNT, "columns": COLUMNS, "in_place?": True, "parts?": range(1, LIMIT + 1),
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
INDEX = {"type": "seeknal/index", "version": 1, "parts": [({None, TIME}, {None, TIME}, DIGEST, ARTIFACT)]}
ACTION = {
    "type": "seeknal/action", "version": 1, "engine": str, "definition": dict, "files": [[DIGEST]],
    "inputs": [{"name": str, "rows": COUNT, "columns": [(str, str, re.compile(f"({DIGEST.pattern})?"))]}],
    "interval": {None, (str, str)}, "clock": {None, re.compile(r"\d{4}-\d\d-\d\d")},
}  # fmt: skip
RESULT = {"type": "seeknal/result", "version": 1, "action": DIGEST, "artifact": ARTIFACT, "made": dict, "check": DIGEST}
TARGET = {"action": DIGEST, "artifact": ARTIFACT, "meta": dict, "views": {VIEW: DIGEST}}
GENERATION = {
    "type": "seeknal/generation", "version": 1, "parent": {None, DIGEST}, "run": str, "created": str, "note": str,
    "environment": re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}"), "targets": {str: TARGET},
}  # fmt: skip


def digest(data: bytes) -> str:
    return "blake3:" + blake3(data).hexdigest()


def canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _integer(text: str) -> int:
    if abs(number := int(text)) > LIMIT:  # int() refuses what is no integer
        raise ValueError(f"{text} needs more than 53 bits")
    return number


def fits(value: Any, shape: Any) -> bool:
    """Whether a parsed document has a shape; members that the shape does not name are ignored."""
    if isinstance(shape, set):
        return value is None or all(fits(value, one) for one in shape - {None})
    if isinstance(shape, type):
        return isinstance(value, shape)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, range):
        return isinstance(value, int) and not isinstance(value, bool) and value in shape
    if isinstance(shape, list) and isinstance(value, list):
        return all(fits(item, shape[0]) for item in value)
    if isinstance(shape, tuple) and isinstance(value, list):
        return len(value) == len(shape) and all(map(fits, value, shape))
    if isinstance(shape, dict) and isinstance(value, dict):
        return all(_member(value, name, one) for name, one in shape.items())
    return type(value) is type(shape) and bool(value == shape)


def _member(value: dict[str, Any], name: Any, shape: Any) -> bool:
    if isinstance(name, str):
        return (name[-1] == "?" and name[:-1] not in value) or fits(value.get(name.rstrip("?"), ...), shape)
    return all(fits(key, name) and fits(item, shape) for key, item in value.items())


def read(data: bytes, shape: Any) -> Any:
    """The document of this shape whose canonical bytes are `data`. Raises ValueError."""
    document = json.loads(data.decode("utf-8"), parse_float=_integer, parse_constant=_integer, parse_int=_integer)
    if canonical(document) != data or not fits(document, shape):
        raise ValueError(f"not canonical, or not a document of version 1: {data[:60]!r}")
    return document


def read_result(data: bytes, key: str) -> Any:
    """The result of action `key`. Raises ValueError."""
    document = read(data, RESULT)
    body = {name: value for name, value in document.items() if name != "check"}
    if document["check"] != digest(canonical(body)) or document["action"] != key:
        raise ValueError("the check does not match, or it is the result of another action")
    return document


def slurp(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class Checker:
    def __init__(self, target: str, store: str) -> None:
        self.target, self.store, self.found = target, store, list[str]()

    def blob(self, name: str) -> str:
        return os.path.join(self.store, "cas", name[7:9], name[9:])

    def say(self, rule: str, path: str, what: object) -> None:
        self.found.append(f"{rule}: {path}: {what}")

    def load(self, rule: str, name: str, shape: Any) -> Any:
        try:
            data = slurp(self.blob(name))
            return read(data, shape) if digest(data) == name else self.say(rule, name, "has another digest")
        except (OSError, ValueError) as error:
            return self.say(rule, name, error)

    def entries(self, folder: str) -> list[tuple[str, str]]:
        found, root = [], os.path.join(self.store, folder)
        for fan in sorted(os.listdir(root)) if os.path.isdir(root) else ():
            for rest in sorted(os.listdir(os.path.join(root, fan))):
                name, path = f"blake3:{fan}{rest}", os.path.join(root, fan, rest)
                if len(fan) != 2 or not DIGEST.fullmatch(name):
                    self.say("I7", path, "is not named by two and sixty-two hex digits")
                elif os.path.islink(path) or not os.path.isfile(path) or os.lstat(path).st_nlink != 1:
                    self.say("I8", path, "is not a regular file with one name")
                else:
                    found.append((name, path))
        return found

    def whole_store(self) -> None:
        try:
            read(
                slurp(os.path.join(self.store, "seeknal-cache.json")).removesuffix(b"\n"),
                {"type": "seeknal/cache", "version": 1},
            )
        except (OSError, ValueError) as error:
            self.say("I7", "seeknal-cache.json", error)
        for name, path in self.entries("cas"):
            if digest(slurp(path)) != name:
                self.say("I1", path, "has another digest")
        for key, path in self.entries("actions-v1"):
            try:
                self.size("I2", read_result(slurp(path), key)["artifact"], may_lack=True)
            except (OSError, ValueError) as error:
                self.say("I2", path, error)

    def parts(self, rule: str, artifact: Any) -> list[Any]:
        """The parts of an artifact, shown ones first; says what is wrong with the index."""
        parts = (self.load(rule, artifact["blob"], INDEX) or {"parts": []})["parts"]
        times = [(part[0], part[1]) for part in parts]
        timed = [time for time in times if time != (None, None)]
        shown = [part for part in parts if part[3]["rows"]] or parts[:1]
        whole = [[part[3]["columns"][i][2] for part in shown] for i in range(len(artifact["columns"]))]
        made = {
            "blob": artifact["blob"],
            "size": sum(part[3]["size"] for part in parts),
            "rows": sum(part[3]["rows"] for part in parts),
            "columns": [
                [*column[:2], digest(canonical([list(pair) for pair in enumerate(digests)]))]
                for column, digests in zip(artifact["columns"], whole, strict=True)
            ],
            "parts": len(parts),
        }
        if made != artifact or times[: len(timed)] != timed or len(times) - len(timed) > 1:
            self.say(rule, artifact["blob"], "its index is not that of this artifact")
        moments = [moment for time in timed for moment in time]
        if moments != sorted(moments) or len({*timed}) != len(timed):
            self.say(rule, artifact["blob"], "its intervals are not in order")
        return shown

    def size(self, rule: str, artifact: Any, *, may_lack: bool) -> None:
        if "parts" in artifact:
            if not may_lack or os.path.exists(self.blob(artifact["blob"])):
                self.parts(rule, artifact)
                for *_, part in (self.load(rule, artifact["blob"], INDEX) or {"parts": []})["parts"]:
                    self.size(rule, part, may_lack=may_lack)
            return
        size = os.path.getsize(path) if os.path.exists(path := self.blob(artifact["blob"])) else None
        if size != artifact["size"] and (size is not None or not may_lack):
            self.say(rule, path, f"its size is {size}, not {artifact['size']}")

    def environment(self, env: str, late: bool) -> None:
        text = slurp(os.path.join(self.target, "refs", env)).decode("latin-1")
        if not DIGEST.fullmatch(text[:-1]) or text[-1] != "\n":
            return self.say("I4", f"refs/{env}", "is not one digest and LF")
        generation = self.load("I4", text[:-1], GENERATION)
        if generation is None or generation["environment"] != env:
            return self.say("I4", f"refs/{env}", "names no generation of this environment")
        for target in generation["targets"].values():
            self.load("I3", target["action"], ACTION)
            self.size("I6", target["artifact"], may_lack="in_place" in target["artifact"])
            beside = {*target["views"].values()} - {target["artifact"]["blob"]}
            self.found += [f"I6: {blob}: is missing" for blob in beside if not os.path.exists(self.blob(blob))]
        home = self.target if env == "prod" else os.path.join(self.target, "environments", env)
        return self.views(home, text[:-1], generation, late)

    def views(self, home: str, name: str, generation: Any, late: bool) -> None:
        """I5. `late`: a crash between ref and views may have left those of an ancestor, or none."""
        shown = os.readlink(pointer) if os.path.islink(pointer := os.path.join(home, "current")) else None
        while late and generation["parent"] and shown != f"generations/{name[7:23]}":
            name = generation["parent"]
            generation = self.load("I5", name, GENERATION) or {"parent": None}
        if late and shown is None:
            return
        links = {"current": f"generations/{name[7:23]}"}
        links |= {folder: f"current/{folder}" for folder in ("intermediate", "feature_store")}
        for link, text in links.items():
            if not os.path.islink(path := os.path.join(home, link)) or os.readlink(path) != text:
                self.say("I5", path, f"is not a symlink to {text}")
        self.links(os.path.join(home, links["current"]), generation)

    def links(self, folder: str, generation: Any) -> None:
        tables = generation.get("targets", {}).values()
        want = {path: (blob, table["artifact"]) for table in tables for path, blob in table["views"].items()}
        if len(want) != sum(len(table["views"]) for table in tables):
            self.say("I6", folder, "two targets have the same view")
        everything = (os.path.join(at, name) for at, folders, names in os.walk(folder) for name in (*folders, *names))
        found = {
            os.path.relpath(path, folder) for path in everything if os.path.islink(path) or not os.path.isdir(path)
        }
        for path in sorted(found ^ set(want)):
            self.say("I5", os.path.join(folder, path), "is not there" if path in want else "is no view")
        for path in sorted(found & set(want)):
            link, (blob, table) = os.path.join(folder, path), want[path]
            real, in_place = os.path.realpath(link), table.get("in_place") and table["blob"] == blob
            right = os.path.isfile(real) and (in_place or real == os.path.realpath(self.blob(blob)))
            if table.get("parts") and table["blob"] == blob:
                right = self.shows(real, table)
            if not os.path.islink(link) or not right:
                self.say("I5", link, f"does not lead to {blob}")

    def shows(self, folder: str, table: Any) -> bool:
        """Whether a folder shows the parts of a table, and nothing else."""
        if os.path.relpath(folder, os.path.realpath(self.target)) != f"parts/{table['blob'][7:39]}":
            return False
        want = {
            f"{re.sub('[-:]', '', start or 'unknown')}.parquet": os.path.realpath(self.blob(part["blob"]))
            for start, _, _, part in self.parts("I5", table)
        }
        return {name: os.path.realpath(os.path.join(folder, name)) for name in os.listdir(folder)} == want


def check(target_root: str, store_root: str | None = None, *, late: bool = False) -> list[str]:
    """Every violation of I1 to I8, as `I<n>: path: what`; empty when all is whole."""
    (checker := Checker(target_root, store_root or target_root)).whole_store()
    for env in sorted(os.listdir(refs)) if os.path.isdir(refs := os.path.join(target_root, "refs")) else ():
        checker.environment(env, late)
    return checker.found


if __name__ == "__main__":
    sys.exit("\n".join(check(*sys.argv[1:3])) or 0)
