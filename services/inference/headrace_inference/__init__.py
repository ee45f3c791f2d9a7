"""Service: inference."""
