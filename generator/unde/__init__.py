"""UNDE Infra: everything about an estate that follows from its one layout file.

The rooms, each importing only from those before it: ``model`` (what the file says), ``plan`` (what follows),
``checks`` (what of both cannot stand), ``survive`` (what a loss does), ``diff`` (what a change does), ``reports`` (how it is
shown), ``cli``.
"""

__version__ = "0.1.0"
