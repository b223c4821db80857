"""What every expression of a file is in the OpenAI world."""
