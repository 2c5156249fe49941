"""The machinery of a process: consume loop, outbox, database, object storage, settings, log, metrics, web."""
