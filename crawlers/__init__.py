"""A Scrapy project that reads music blogs: polite, fenced in, resumable."""
