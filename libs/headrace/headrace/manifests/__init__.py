"""Kubernetes manifests: a pipeline file as a kustomization, and what rendered manifests must obey."""
