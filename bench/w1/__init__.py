"""W1, the full path: 16-field events, 7 rules, 8 row features, a 60 s window per user, a model, the lake."""
