"""Runs Tieline on one machine: its servers, its five services, its tests."""
