"""Exit statuses of the command line."""

OUR_FAULT = 1
BAD_INPUT = 2
MADE_WORSE = 3
INTERRUPTED = 130
NOBODY_READS = 141  # as a shell says of a process that a closed pipe has ended
