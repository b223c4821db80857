"""One module per rule, found by pkgutil; folders by family."""
