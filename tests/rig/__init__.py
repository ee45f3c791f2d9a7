"""Real parts for tests: started, broken, and judged by code that the suite does not share."""
