"""Deployment: the local stack, images and manifests, monitoring, benches, the society's programme file."""
