"""Rules about the errors of the SDK: what is caught, in which order, and what is tried again."""
