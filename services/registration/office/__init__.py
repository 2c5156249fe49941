"""What the office asks and orders about registrations."""
