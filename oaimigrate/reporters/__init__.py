"""One module per output format: `render(results) -> str`."""
