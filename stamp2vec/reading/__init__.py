"""What stamps say: strips of their ink, which of the readings of them holds, dates and numbers."""
