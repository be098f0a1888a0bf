"""Where tests get their servers from, when not from this machine."""
