"""`python -m headrace_lag`."""

import os

# Read when polars is imported. Its pool wakes every core for a small batch; a service's parallelism is its partitions.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from headrace_lag.app import main

main()
