"""The files in which a project says which openai SDK it wants."""
