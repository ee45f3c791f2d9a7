"""`python -m headrace_lake`."""

from headrace_lake.app import main

main()
