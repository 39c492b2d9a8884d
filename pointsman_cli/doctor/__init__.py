"""What `pointsman doctor` looks at: each check yields findings that say ok, what to do, or why it was not checked."""
