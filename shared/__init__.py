"""What several services need; on top the language: events, topics, wire, clock, errors."""
