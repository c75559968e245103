"""``python -m unde``."""

from .cli import main

main()
