"""The output of `pointsman cost`: the AWS bill and the first estimate. The cost model itself is the report's."""
