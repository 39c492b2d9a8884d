"""What `pointsman cost` shows of AWS's bill, and the team's first estimate; the cost model is the report's own."""
