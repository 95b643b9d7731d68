"""What is written down: form definitions as data, their typed loader and the one checker. Knows nobody."""
