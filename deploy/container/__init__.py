"""The image of all services. docs/deployment.md."""
