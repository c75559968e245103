"""Tell which releases have to be brought to the host before its services can be what is wanted."""

from __future__ import annotations

import sys

import releases
from common import Refused, read_order, report


def main() -> None:
    """Run the command."""
    order = read_order()
    try:
        lacking = [service["name"] for service in order["services"] if releases.lacks(service)]
    except Refused as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    report(False, lacking=lacking)


if __name__ == "__main__":
    main()
