"""The lag service: how far every reader is behind, and how many replicas that asks for."""
