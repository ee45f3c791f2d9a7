"""Service: ingestion."""
