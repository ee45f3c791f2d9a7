"""`python -m headrace_ingestion`."""

from headrace_ingestion.app import main

main()
