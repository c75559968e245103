"""UNDE Infra: everything about an estate that follows from its one layout file.

The rooms, each importing only from those before it: ``model`` (what the file says), ``checks`` (what cannot
stand), ``plan`` (what follows), ``reports`` (how it is shown), ``cli``.
"""

__version__ = "0.1.0"
