"""Can the judges fail? Bugs planted in a copy of the code, each of which must be caught by the invariant named for it.

`make planted` plants every one and writes how many were caught where `make faults` and `make reliability` find it.
"""
