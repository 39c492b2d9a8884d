"""How AWS is called."""

from botocore.config import Config

AWS_CALLS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}, tcp_keepalive=True
)
