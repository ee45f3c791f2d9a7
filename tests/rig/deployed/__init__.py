"""The suite as it is deployed: its own images, its own manifests, on a Kubernetes."""
