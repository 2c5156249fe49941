"""Prometheus rules and the Grafana dashboard: what an operator watches. docs/alerts.md says what to do."""
