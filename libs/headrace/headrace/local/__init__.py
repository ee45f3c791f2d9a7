"""The embedded stack: a real Kafka, a real S3 server and the suite's services as child processes."""
