"""What a query may call: the words for functions, and the refusal of those that reach outside the declared inputs.

A node's key is sound only if its SQL can read nothing but its inputs. Table functions are allowed by a list; scalar
functions are refused by a list that a test compares with the installed DuckDB (every function that DuckDB itself does
not call consistent must be known here or in `sqlclock`). It never looks at names of tables.
"""

from __future__ import annotations

from collections.abc import Iterable

from seeknal.model.sqltree import SqlWrong, Tree, arguments, column, function, path, place, text_of, words

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"})
FILE_FUNCTIONS = words("""
    read_csv read_csv_auto read_parquet parquet_scan read_json read_json_auto read_json_objects read_json_objects_auto
    read_ndjson read_ndjson_auto read_ndjson_objects
""")
VOLATILE = frozenset({"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "reservoir_quantile"})
FORBIDDEN = words("""
    getenv current_setting getvariable nextval currval setval setseed write_log stats vector_type sleep_ms pg_sleep
    current_database current_catalog current_schema current_schemas in_search_path txid_current version
    current_connection_id current_query current_query_id current_transaction_id json_serialize_plan format_type
    get_block_size pg_get_constraintdef pg_get_viewdef pg_conf_load_time pg_postmaster_start_time
    parse_duckdb_log_message
""")
SESSION_WORDS = frozenset({"current_catalog", "current_schema"})
HARMLESS = frozenset({"error"})  # volatile for DuckDB, but it gives no value


def check(nodes: Iterable[Tree], shadowed: frozenset[str]) -> None:
    """Refuse parameters, SHOW and DESCRIBE, time travel, and functions that read or change the session."""
    for node in nodes:
        if node.get("class") == "PARAMETER":
            raise _wrong(node, "the query has a parameter", "sql_parameter", "write {{ name }} for a parameter")
        if node.get("type") == "SHOW_REF":
            raise _wrong(node, "SHOW, DESCRIBE and SUMMARIZE are not queries over inputs", "sql_not_a_query", "")
        if node.get("at_clause"):
            raise _wrong(node, "AT (...) reads an older version of a table", "sql_not_supported", "")
        if function(node) in FORBIDDEN or _session_word(node, shadowed):
            name = function(node) or node["column_names"][0]
            hint = "a node's result may depend on its inputs only; pass the value as a parameter"
            raise _wrong(node, f"{name} reads or changes the session", "sql_forbidden_function", hint)


def _session_word(node: Tree, shadowed: frozenset[str]) -> bool:
    names = column(node)
    return len(names) == 1 and names[0].lower() in SESSION_WORDS - shadowed


def table_function(node: Tree) -> tuple[Tree, ...]:
    """The constants that name the files that a table function reads; refuses a function that is not on the list."""
    call = node["function"]
    name = function(call)
    plain = path(call)[:-1] in ((), ("main",), ("system", "main"))
    if plain and name in TABLE_FUNCTIONS:
        return ()
    if not plain or name not in FILE_FUNCTIONS:
        hint = "read data through a source node and ref('source.name')"
        raise _wrong(node, f"the table function {name} is not allowed", "sql_forbidden_function", hint)
    constants = _paths(call)
    for constant in constants:
        local(text_of(constant) or "", node)
    return tuple(constants)


def check_paths(nodes: Iterable[Tree]) -> None:
    """Refuse what would show where a file lies, in a query that names files: that is not part of their content."""
    for node in nodes:
        names = column(node)
        if names and names[-1].lower() == "filename":
            hint = "leave it out, or give the value as a constant of its own"
            raise _wrong(node, "filename shows a path, which is no content", "sql_forbidden_function", hint)


def _paths(call: Tree) -> list[Tree]:
    first = arguments(call)[:1]
    items = arguments(first[0]) if first and function(first[0]) == "list_value" else first
    if not items or None in [text_of(item) for item in items]:
        hint = "write the path as a constant, or declare a source node"
        raise _wrong(
            call, f"{function(call)} reads a file that is not known before the run", "sql_undeclared_file", hint
        )
    return items


def local(file: str, node: Tree) -> str:
    """`file`, if it is a path and not a URL."""
    if "://" in file or file.lower().startswith("file:"):
        hint = "declare a source node for data of another machine"
        raise _wrong(node, f"{file} is not a local file", "sql_forbidden_function", hint)
    return file


def _wrong(node: Tree, message: str, reason: str, hint: str) -> SqlWrong:
    at = place(node)
    inner = node.get("function")
    return SqlWrong(message, reason=reason, offset=place(inner) if at is None and inner else at, hint=hint)
