"""``python -m sajeon`` is the command ``sajeon``."""

from .cli import main

if __name__ == "__main__":
    main()
