"""What a terminal shows: streams, progress, results."""
