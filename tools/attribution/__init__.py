"""numbacnn's attribution methods beside Captum's, the parts of compare_captum.py."""
