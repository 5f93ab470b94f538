"""The verbs of the command line, one thin file each: options, the call, what is printed."""
