"""The whole protocol in memory, moved by a seed: real product code over a Kafka and an object store that go wrong."""
