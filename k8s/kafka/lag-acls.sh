#!/bin/sh
# The lag service's rights in Kafka: to read every tenant's topics and what their groups have committed, and nothing else.
#   lag-acls.sh BOOTSTRAP PRINCIPAL [--command-config FILE]     e.g. kafka:9094 User:lag
set -eu
bootstrap=$1 principal=$2
shift 2
kafka-acls.sh --bootstrap-server "$bootstrap" "$@" --add --allow-principal "$principal" --topic '*' --operation Read --operation Describe
kafka-acls.sh --bootstrap-server "$bootstrap" "$@" --add --allow-principal "$principal" --group '*' --operation Describe
