"""OAI8xx: from openai 1 to 2 to 3."""
