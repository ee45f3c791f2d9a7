"""The oracle: a process that nobody kills, which knows what was sent. Imports nothing of the suite.

`payload` says what an id stands for, `ledger` which ids were issued and which Kafka acknowledged, `producer` sends.
"""
