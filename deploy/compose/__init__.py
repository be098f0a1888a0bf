"""Tieline in containers: what `docker-compose.yml` runs once before the services, and the proof that it works."""
