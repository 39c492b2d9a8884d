"""What AWS charges for running Pointsman: units counted from the design, times dated list prices."""
