"""`python -m dnagpt`."""

from dnagpt.cli import main

main()
