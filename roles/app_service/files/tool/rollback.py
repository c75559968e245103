"""Let the release before run again, with what it was started with; it and the one that ran change places."""

from __future__ import annotations

import sys

import releases
import services
from common import Refused, read_order, report


def main() -> None:
    """Run the command."""
    order = read_order()
    name = order["service"]
    former, good = services.remembered(name, "former.json"), services.remembered(name, "good.json")
    if former is None or good is None or not releases.folder(name, former["version"]).is_dir():
        print(f"{name}: no release ran here before this one; here are: {', '.join(services.known()) or 'no services'}", file=sys.stderr)
        sys.exit(1)
    if not order["check"]:
        try:
            services.start(name, former)
        except Refused as error:
            print(error, file=sys.stderr)
            sys.exit(1)
    report(True, left=good["version"], runs=former["version"])


if __name__ == "__main__":
    main()
