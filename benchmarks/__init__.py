"""What the functions cost in time and size, each figure beside its peer or its limit, measured in one run.

`make bench` runs all of it; `python -m benchmarks NAME…` runs some. Each module holds one figure.
"""
