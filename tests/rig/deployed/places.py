"""Where the local overlay puts things."""

TENANT = "headrace-default"
SYSTEM = "headrace-system"
BACKING = "headrace-backing"
KAFKA = "kafka.headrace-backing.svc:9092"
S3 = "http://s3.headrace-backing.svc:9000"
