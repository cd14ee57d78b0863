"""Attacks beside those of other packages, the parts of compare_foolbox.py."""
