"""What the hub does: a verb a file. Knows neither Flask nor the database's engine."""
