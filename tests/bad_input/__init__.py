"""Bad input: every refusal is clear, has its exit code, shows no traceback, and loses nothing that was published."""
