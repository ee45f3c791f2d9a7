"""`make demo`: the whole path on this machine, from raw flights to live predictions and a lake."""
