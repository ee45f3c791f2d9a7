"""A package, so that what its fixtures have applied is taken away at its end, and not at the end of all tests."""
