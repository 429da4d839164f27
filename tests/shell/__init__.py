"""The shell side: the repl, completion in real shells, and watching."""
