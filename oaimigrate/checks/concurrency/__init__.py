"""OAI6xx: async."""
