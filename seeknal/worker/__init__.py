"""What runs in the child process of a Python node.

Started by `engines/python_pool.py` as a plain file, also under `uv run` where nothing but duckdb and pyarrow is
installed: so this package and `seeknal.pipeline` import the standard library only, and duckdb, pyarrow, polars and
pandas where a node's result needs them.
"""
