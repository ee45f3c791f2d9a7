"""What the fault campaigns run: a pipeline that uses everything, a model that anybody can check, and the oracle."""
