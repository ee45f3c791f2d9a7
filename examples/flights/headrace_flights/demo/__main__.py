"""`python -m headrace_flights.demo`."""

from headrace_flights.demo.run import main

main()
