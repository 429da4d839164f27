"""The imperative shell: opens a session, executes a plan, publishes, reports."""
