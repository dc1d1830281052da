"""Kubernetes objects from files: manifests, dumps of a cluster, rendered charts."""
