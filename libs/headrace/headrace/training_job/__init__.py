"""A training as a Job on a Kubernetes: rendered from the cluster's own template, submitted, followed to its end."""
