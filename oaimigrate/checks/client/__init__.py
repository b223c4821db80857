"""Rules about clients: what they are built with, where, and how often."""
