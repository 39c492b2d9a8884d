"""The checks of `pointsman doctor`. A finding is ok, to do with the next step, or not checked with the reason."""
