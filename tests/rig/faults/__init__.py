"""The fault campaigns: services, broker, store and connections are broken by a seeded schedule, and judged.

`python -m rig.faults` runs one; `fault` says what a schedule is, `schedule` draws one, `kinds` breaks and heals.
"""
