"""The command line of numbacnn: one module a command group, imported only when it is called."""
