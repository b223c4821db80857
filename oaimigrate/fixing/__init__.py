"""From diagnostics to text: edit builders, the preamble, and the loop that applies fixes."""
