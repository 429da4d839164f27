"""What was published before: what differs, and why it was built."""
