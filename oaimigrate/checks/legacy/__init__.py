"""OAI1xx: uses of openai 0.28."""
