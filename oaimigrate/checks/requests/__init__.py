"""OAI3xx: requests and responses."""
