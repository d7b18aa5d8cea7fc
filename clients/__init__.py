"""Examples of callers in other languages, and what every client has to do alike."""
