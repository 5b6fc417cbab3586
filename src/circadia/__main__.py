"""`python -m circadia`."""

from circadia.cli import main

main()
