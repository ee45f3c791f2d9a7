"""Manifests under test: every combination of components built at once, and checked against the API's own schemas."""
