"""The ports carried out on AWS and on the providers' SDKs."""
