"""``python -m presoftmax``."""

from presoftmax.cli import main

if __name__ == "__main__":
    main()
