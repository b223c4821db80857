"""OAI9xx: what is logged and measured."""
