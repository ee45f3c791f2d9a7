"""Headrace: raw events in, predictions and a lake out."""

__version__ = "0.1.0"
