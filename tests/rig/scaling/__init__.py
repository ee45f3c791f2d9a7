"""A model of a service under load, the HPA that scales it and the rules that people use: seconds of model time, no I/O."""
