"""SQL over what is published, for people at a terminal: reading statements, answering them, showing answers.

`text`, `names`, `complete`, `fit` and `wrong` are pure; `tables` and `ask` answer; `terminal` is the only one that imports
prompt_toolkit. It changes nothing in the project and nothing in the store.
"""
