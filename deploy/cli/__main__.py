"""`python -m deploy.cli` is `tieline`."""

from deploy.cli import app

app()
