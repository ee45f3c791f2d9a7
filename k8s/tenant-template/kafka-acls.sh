#!/bin/sh
# A tenant's rights in Kafka: its own topics and groups, which begin with its name and a dot, and nothing else.
# Run by an administrator with Apache Kafka's tools on the PATH; it may run again at any time.
#   kafka-acls.sh BOOTSTRAP TENANT PRINCIPAL [--command-config FILE]     e.g. kafka:9094 blue User:blue
set -eu
bootstrap=$1 tenant=$2 principal=$3
shift 3
acls() {
  kafka-acls.sh --bootstrap-server "$bootstrap" "$@" --add --allow-principal "$principal" --resource-pattern-type prefixed
}
# Create is for `headrace apply`; an idempotent producer needs nothing besides Write.
acls "$@" --topic "$tenant." --operation Read --operation Write --operation Describe --operation DescribeConfigs --operation Create
acls "$@" --group "$tenant." --operation Read --operation Describe
