"""A model of a service under load, of the HPA that scales it and of the rules that people use; no I/O, no clock."""
