"""The flights example."""
