"""Service: feature_engineering."""
