"""OAI4xx: streaming."""
