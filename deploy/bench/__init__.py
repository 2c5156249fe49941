"""`akashi bench`: throughput, latency and cost, compared with rivals."""
