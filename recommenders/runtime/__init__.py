"""Postgres and Airflow as child processes on one machine."""
