"""Runs a service in a development cluster, and anew whenever its sources change; no production image has it."""
