"""What a clerk can do, a verb a file: each takes the open Station first. Knows no page, no SQL."""
