"""OAI7xx: counting tokens."""
