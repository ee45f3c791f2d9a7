"""Service: cleaning."""
