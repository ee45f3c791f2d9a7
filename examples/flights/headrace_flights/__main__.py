"""`python -m headrace_flights`."""

from headrace_flights.commands import app

app()
