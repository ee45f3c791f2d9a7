"""`python -m headrace_cleaning`."""

from headrace_cleaning.app import main

main()
