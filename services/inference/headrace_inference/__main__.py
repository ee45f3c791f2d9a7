"""`python -m headrace_inference`."""

from headrace_inference.app import main

main()
