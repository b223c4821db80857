"""What files, options and defaults ask for, and which of them holds where: the nearest configuration file wins.

Imported only where a configuration file or an option speaks; what comes out is a `Config`, which the rest reads.
"""
