"""What is written down: forms as data, their typed loader, one checker. Knows nobody."""
