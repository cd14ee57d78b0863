"""The commands of `numbacnn attack`: one for each attack of the registry, and those that compare attacks or networks."""
