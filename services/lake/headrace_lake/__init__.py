"""Service: lake."""
