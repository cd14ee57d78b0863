"""numbacnn viz: look inside a trained network, one module a command."""
