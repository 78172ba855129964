"""kgraph's version, which the package's metadata takes from here: to read it there costs more than a check."""

__version__ = "0.1.0"
