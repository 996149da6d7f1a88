"""``python -m smlm_accessor``."""

from smlm_accessor.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
