"""`python -m seeknal`, and the `seeknal` command."""

import sys

from seeknal.cli import main

if __name__ == "__main__":
    sys.exit(main())
