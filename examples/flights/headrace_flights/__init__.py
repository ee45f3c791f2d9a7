"""The flights of New York in 2013 as four event streams, and a replayer that feeds them to any Kafka."""
