"""Everything that knows about music; imports nothing of Airflow or Scrapy."""
