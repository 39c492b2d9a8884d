"""`pointsman ui`: pages on 127.0.0.1 that show a stack and steer it, over the same functions as the commands."""
