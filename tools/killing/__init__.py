"""The parts of kills.py: runs that are killed, where, and what is left of them."""
