"""The pages inside the Airflow web UI."""
