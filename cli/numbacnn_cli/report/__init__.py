"""numbacnn report: a run or a model as one page, a module a section. Each has `section(subject)`."""
