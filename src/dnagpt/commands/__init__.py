"""One file per verb of the command line; the only place that wires rooms together."""
